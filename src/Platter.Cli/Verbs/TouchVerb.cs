using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class TouchVerb : Verb
{
    private static readonly Option Date = Option.Of("-d --date", "TIME", "this time (ISO 8601, or @SECONDS) in place of the present one");
    private static readonly Option NoCreate = Option.Flag("-c --no-create", "make no files");
    private static readonly Option Created = Option.Flag("--created", "set the creation time too");

    public override VerbSyntax Syntax => new()
    {
        Summary = "set times to now, and make empty files",
        Arguments = [Argument.Image, new("PATH", "the files; those that are not there are made") { Kind = ValueKind.InsidePath, Many = true }],
        Options = [Date, NoCreate, Created],
        Examples = [new("platter touch -d 2024-02-29T12:00:00Z pc.img@1 /boot.cfg", "set a file's time")],
    };

    public override int Run(Session session)
    {
        using var at = session.EditVolume(session.Words[0]);
        var time = session.Arguments.Time(Date) ?? Timestamp.From(session.Clock.GetUtcNow());
        var c = at.Volume.Capabilities;
        var change = new MetadataChange
        {
            Modified = c.Modified is null ? null : time,
            Accessed = c.Accessed is null ? null : time,
            Created = c.Created is null || !session.Arguments.Has(Created) ? null : time,
        };
        foreach (var path in session.Expand(at.Volume, session.WordsFrom(1)))
        {
            if (at.Volume.TryFind(path, out var node))
            {
                at.Volume.SetMetadata(node.Id, change);
                continue;
            }
            if (session.Arguments.Has(NoCreate))
                continue;
            var parent = InsidePath.Locate(at.Volume, path, out var name);
            at.Volume.SetMetadata(at.Volume.CreateFile(parent, name, MetadataChange.None), change);
        }
        at.Volume.Commit();
        return ExitCode.Done;
    }
}
