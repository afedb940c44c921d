using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class LnVerb : Verb
{
    private static readonly Option Symbolic = Option.Flag("-s --symbolic", "a symbolic link; TARGET is stored as it is typed");

    public override VerbSyntax Syntax => new()
    {
        Summary = "make a hard or symbolic link",
        Arguments = [Argument.Image, new("TARGET", "what the link leads to") { Kind = ValueKind.InsidePath }, new("LINK", "the new name") { Kind = ValueKind.InsidePath }],
        Options = [Symbolic],
        Examples = [new("platter ln -s disk.img@2 vmlinuz-6.1 /boot/vmlinuz", "a symbolic link")],
    };

    public override int Run(Session session)
    {
        using var at = session.EditVolume(session.Words[0]);
        var (parent, name) = InsidePath.Locate(at.Volume, session.Inside(session.Words[2]));
        if (session.Arguments.Has(Symbolic))
            at.Volume.CreateSymbolicLink(parent, name, session.Words[1], MetadataChange.None);
        else
            at.Volume.CreateHardLink(at.Volume.Find(session.Inside(session.Words[1])).Id, parent, name);
        at.Volume.Commit();
        return ExitCode.Done;
    }
}
