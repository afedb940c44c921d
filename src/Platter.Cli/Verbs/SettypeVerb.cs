using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class SettypeVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "set the Mac OS type and creator",
        Arguments = [Argument.Image, new("TYPE", "four characters"), new("CREATOR", "four characters"), new("PATH", "the files") { Kind = ValueKind.InsidePath, Many = true }],
        Examples = [new("platter settype mac.img TEXT ttxt /ReadMe", "a SimpleText document")],
    };

    public override int Run(Session session)
    {
        using var at = session.EditVolume(session.Words[0]);
        foreach (var path in session.Expand(at.Volume, session.WordsFrom(3)))
        {
            var node = at.Volume.Find(path);
            at.Volume.SetMetadata(node.Id, new MetadataChange { FinderInfo = FinderType.Set(node.Metadata.FinderInfo, session.Words[1], session.Words[2]) });
        }
        at.Volume.Commit();
        return ExitCode.Done;
    }
}
