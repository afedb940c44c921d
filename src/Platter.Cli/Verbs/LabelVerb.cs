using Platter.Cli.Output;
using Platter.Cli.Syntax;

namespace Platter.Cli.Verbs;

internal sealed class LabelVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "show or set the volume label",
        Arguments = [Argument.Image, new("NEW", "the new label; '' removes it") { Min = 0 }],
        Examples = [new("platter label pc.img@1", "print the label"), new("platter label pc.img@1 BOOT", "set it")],
    };

    public override int Run(Session session)
    {
        if (session.Words.Length > 1)
        {
            using var edited = session.EditVolume(session.Words[0]);
            edited.Volume.SetLabel(session.Words[1]);
            edited.Volume.Commit();
            return ExitCode.Done;
        }
        using var at = session.OpenVolume(session.Words[0]);
        var label = at.Volume.Info.Label;
        if (session.Json)
        {
            using var json = new Json(session.Out);
            json.Object();
            json.Field("label", label);
            json.End();
        }
        else if (label is not null)
        {
            session.Out.WriteLine(session.Show(label));
        }
        return ExitCode.Done;
    }
}
