using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class MkdirVerb : Verb
{
    private static readonly Option Parents = Option.Flag("-p --parents", "make missing parents too; a directory that is there is no error");
    private static readonly Option Mode = Option.Of("-m --mode", "OCTAL", "POSIX permissions");

    public override VerbSyntax Syntax => new()
    {
        Summary = "make directories",
        Arguments = [Argument.Image, new("PATH", "the directories") { Kind = ValueKind.InsidePath, Many = true }],
        Options = [Parents, Mode],
        Examples = [new("platter mkdir -p pc.img@1 /EFI/BOOT", "a directory and what it lies in")],
    };

    public override int Run(Session session)
    {
        using var at = session.EditVolume(session.Words[0]);
        var change = new MetadataChange { Mode = session.Arguments.Mode(Mode) };
        foreach (var word in session.WordsFrom(1))
        {
            var path = session.Inside(word);
            if (session.Arguments.Has(Parents))
                MakeAll(at.Volume, path, change);
            else
                MakeOne(at.Volume, path, change);
        }
        at.Volume.Commit();
        return ExitCode.Done;
    }

    private static void MakeOne(EditableVolume volume, string path, MetadataChange change)
    {
        if (path == "/")
            throw new AlreadyExistsException(path);
        var parent = InsidePath.Locate(volume, path, out var name);
        volume.CreateDirectory(parent, name, change);
    }

    private static void MakeAll(EditableVolume volume, string path, MetadataChange change)
    {
        var at = volume.RootId;
        var walked = "";
        foreach (var name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            walked += "/" + name;
            if (!volume.TryLookup(at, name, out var next))
                next = volume.CreateDirectory(at, name, walked == path ? change : MetadataChange.None);
            else if (volume.GetMetadata(next).Kind != EntryKind.Directory)
                throw new AlreadyExistsException(walked);
            at = next;
        }
    }
}
