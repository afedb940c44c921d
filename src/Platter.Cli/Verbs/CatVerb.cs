using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class CatVerb : Verb
{
    private static readonly Option Stream = Option.Of("--stream", "NAME", "a named stream (NTFS) in place of the data");
    private static readonly Option ResourceFork = Option.Flag("--rsrc", "the resource fork (HFS, HFS+) in place of the data");

    public override VerbSyntax Syntax => new()
    {
        Summary = "write the content of files to standard output",
        Arguments = [Argument.Image, new("PATH", "the files, one after the other") { Kind = ValueKind.InsidePath, Many = true }],
        Options = [Stream, ResourceFork],
        Examples = [new("platter cat pc.img@1 /loader/entry.conf", "show a file"), new("platter cat pc.img@1 /boot.tar | tar t", "look into an archive without copying it out")],
    };

    public override int Run(Session session)
    {
        using var at = session.OpenVolume(session.Words[0]);
        var stream = session.Arguments.Text(Stream) is { } name ? StreamName.Named(name)
            : session.Arguments.Has(ResourceFork) ? StreamName.ResourceFork : StreamName.Data;
        foreach (var path in session.Expand(at.Volume, session.WordsFrom(1)))
            Write(session, at.Volume.Find(path), path, stream);
        return ExitCode.Done;
    }

    internal static void Write(Session session, Node node, string path, StreamName name)
    {
        if (node.IsDirectory && name.Kind == StreamKind.Data)
            throw new CommandException(ExitCode.Refused, null, $"{path} is a directory");
        using var stream = node.Volume.OpenRead(node.Id, name);
        var buffer = new byte[(int)Math.Clamp(stream.Length, 1, 256 << 10)];
        for (var offset = 0L; ;)
        {
            var n = stream.ReadAt(offset, buffer);
            if (n == 0)
                return;
            session.Out.Write(buffer.AsSpan(0, n));
            offset += n;
        }
    }
}
