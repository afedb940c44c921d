using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class ChownVerb : Verb
{
    private static readonly Option Recursive = Option.Flag("-R --recursive", "everything below too");

    public override VerbSyntax Syntax => new()
    {
        Summary = "set the owner",
        Arguments = [Argument.Image, new("UID[:GID]", "numbers"), new("PATH", "the entries") { Kind = ValueKind.InsidePath, Many = true }],
        Options = [Recursive],
        Examples = [new("platter chown -R root.img 1000:1000 /home/ada", "a whole home directory")],
    };

    public override int Run(Session session)
    {
        var (user, group) = ModeText.ParseOwner(session.Words[1]);
        using var at = session.EditVolume(session.Words[0]);
        foreach (var node in Selection.Nodes(session, at.Volume, session.WordsFrom(2), session.Arguments.Has(Recursive)))
            at.Volume.SetMetadata(node.Id, new MetadataChange { UserId = user, GroupId = group });
        at.Volume.Commit();
        return ExitCode.Done;
    }
}
