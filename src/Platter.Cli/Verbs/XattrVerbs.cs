using Platter.Cli.Output;
using Platter.Cli.Syntax;

namespace Platter.Cli.Verbs;

internal sealed class XattrGetVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "write the value of an extended attribute to standard output",
        Arguments = [Argument.Image, new("PATH", "the entry") { Kind = ValueKind.InsidePath }, new("NAME", "the attribute, with its namespace: user.comment")],
        Examples = [new("platter xattr get root.img /file user.comment", "print one value")],
    };

    public override int Run(Session session)
    {
        using var at = session.OpenVolume(session.Words[0]);
        var path = session.Inside(session.Words[1]);
        var (id, name) = (at.Volume.Find(path).Id, session.Words[2]);
        if (!at.Volume.GetExtendedAttributes(id).TryGetValue(name, out var value) && (value = at.Volume.FindFormatAttribute(id, name)) is null)
            throw new CommandException(ExitCode.NotFound, null, $"{path} has no attribute {session.Words[2]}");
        session.Out.Write(value);
        if (session.IsTerminal)
            session.Out.WriteLine();
        return ExitCode.Done;
    }
}

internal sealed class XattrSetVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "set an extended attribute",
        Arguments =
        [
            Argument.Image, new("PATH", "the entry") { Kind = ValueKind.InsidePath }, new("NAME", "the attribute, with its namespace: user.comment"),
            new("VALUE", "text, or 0x and hexadecimal, or 0s and base64"),
        ],
        Examples = [new("platter xattr set root.img /file user.comment 'from the build'", "set a text")],
    };

    public override int Run(Session session)
    {
        using var at = session.EditVolume(session.Words[0]);
        at.Volume.SetExtendedAttribute(at.Volume.Find(session.Inside(session.Words[1])).Id, session.Words[2], AttributeText.Parse(session.Words[3]));
        at.Volume.Commit();
        return ExitCode.Done;
    }
}

internal sealed class XattrRmVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "remove an extended attribute",
        Arguments = [Argument.Image, new("PATH", "the entry") { Kind = ValueKind.InsidePath }, new("NAME", "the attribute")],
        Examples = [new("platter xattr rm root.img /file user.comment", "remove one")],
    };

    public override int Run(Session session)
    {
        using var at = session.EditVolume(session.Words[0]);
        at.Volume.SetExtendedAttribute(at.Volume.Find(session.Inside(session.Words[1])).Id, session.Words[2], null);
        at.Volume.Commit();
        return ExitCode.Done;
    }
}

internal sealed class XattrLsVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "list extended attributes",
        Arguments = [Argument.Image, new("PATH", "the entry") { Kind = ValueKind.InsidePath }],
        Examples = [new("platter xattr ls root.img /file", "names and values")],
    };

    public override int Run(Session session)
    {
        using var at = session.OpenVolume(session.Words[0]);
        var all = AttributeText.All(at.Volume, at.Volume.Find(session.Inside(session.Words[1])).Id);
        if (!session.Json)
        {
            foreach (var (name, value) in all)
                session.Out.WriteLine($"{session.Show(name)} = {session.Show(AttributeText.Format(value))}");
            return ExitCode.Done;
        }
        using var json = new Json(session.Out);
        json.Object();
        json.Object("xattrs");
        foreach (var (name, value) in all)
            json.Field(name, AttributeText.Format(value));
        json.End();
        json.End();
        return ExitCode.Done;
    }
}
