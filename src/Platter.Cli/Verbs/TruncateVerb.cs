using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class TruncateVerb : Verb
{
    private static readonly Option Size = Option.Of("-s --size", "SIZE", "the new length; +SIZE and -SIZE change it by that much");

    private static readonly Option Hole = Option.Of("--hole", "OFFSET:LENGTH", "make a range read as zeros and give back its space, where the filesystem can; the length stays");

    public override VerbSyntax Syntax => new()
    {
        Summary = "shorten or lengthen files, or make holes; what is added reads as zeros",
        Arguments = [Argument.Image, new("PATH", "the files; those that are not there are made") { Kind = ValueKind.InsidePath, Many = true }],
        Options = [Size, Hole],
        Examples = [new("platter truncate -s 64K pc.img@1 /persist.dat", "exactly 64 KiB")],
    };

    public override int Run(Session session)
    {
        if (session.Arguments.Text(Hole) is { } hole)
        {
            if (session.Arguments.Text(Size) is not null)
                throw new UsageException("-s and --hole are one or the other");
            Punch(session, hole);
            return ExitCode.Done;
        }
        var text = session.Arguments.Text(Size) ?? throw new UsageException("-s SIZE is missing");
        var sign = text[..Math.Min(1, text.Length)] is "+" or "-" ? text[0] : '=';
        var amount = ByteSize.Parse(sign == '=' ? text : text[1..]);
        using var at = session.EditVolume(session.Words[0]);
        foreach (var path in session.Expand(at.Volume, session.WordsFrom(1)))
        {
            if (!at.Volume.TryFind(path, out var node))
            {
                var parent = InsidePath.Locate(at.Volume, path, out var name);
                node = new Node(at.Volume, at.Volume.CreateFile(parent, name, MetadataChange.None), name);
            }
            using var stream = at.Volume.OpenWrite(node.Id, StreamName.Data);
            var length = sign switch { '+' => stream.Length + amount, '-' => Math.Max(0, stream.Length - amount), _ => amount };
            stream.SetLength(length);
        }
        at.Volume.Commit();
        return ExitCode.Done;
    }

    private static void Punch(Session session, string range)
    {
        var parts = range.Split(':');
        if (parts.Length != 2)
            throw new UsageException($"--hole {range}: expected OFFSET:LENGTH, such as 64K:1M");
        var (offset, length) = (ByteSize.Parse(parts[0]), ByteSize.Parse(parts[1]));
        using var at = session.EditVolume(session.Words[0]);
        foreach (var path in session.Expand(at.Volume, session.WordsFrom(1)))
        {
            using var stream = at.Volume.OpenWrite(at.Volume.Find(path).Id, StreamName.Data);
            stream.PunchHole(offset, length);
        }
        at.Volume.Commit();
    }
}
