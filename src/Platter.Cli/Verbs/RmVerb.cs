using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class RmVerb : Verb
{
    private static readonly Option Recursive = Option.Flag("-r --recursive", "directories with all that is in them");
    private static readonly Option Force = Option.Flag("-f", "what is not there is no error");
    private static readonly Option Directory = Option.Flag("-d --dir", "empty directories too");

    public override VerbSyntax Syntax => new()
    {
        Summary = "remove files and directories",
        Arguments = [Argument.Image, new("PATH", "what to remove") { Kind = ValueKind.InsidePath, Many = true }],
        Options = [Recursive, Force, Directory],
        Examples = [new("platter rm pc.img@1 '/*.bak'", "all such files in the root"), new("platter rm -r pc.img@1 /old", "a directory with all that is in it")],
    };

    public override int Run(Session session)
    {
        using var at = session.EditVolume(session.Words[0]);
        foreach (var word in session.WordsFrom(1))
        {
            foreach (var path in Expand(session, at.Volume, word))
            {
                session.StopIfCancelled();
                session.SayMore($"removing {path}");
                Remove(session, at.Volume, path);
            }
        }
        at.Volume.Commit();
        return ExitCode.Done;
    }

    private static string[] Expand(Session session, Volume volume, string word)
    {
        try
        {
            return session.Expand(volume, [word]);
        }
        catch (CommandException e) when (e.Code == ExitCode.NotFound && session.Arguments.Has(Force))
        {
            return [];
        }
    }

    private static void Remove(Session session, EditableVolume volume, string path)
    {
        if (!volume.TryFind(path, out var node))
        {
            if (session.Arguments.Has(Force))
                return;
            volume.Find(path);      // says which part is missing
        }
        var parent = InsidePath.Locate(volume, path, out var name);
        if (!node.IsDirectory || session.Arguments.Has(Directory))
            volume.Delete(parent, name);
        else if (session.Arguments.Has(Recursive))
            volume.DeleteRecursively(parent, name);
        else
            throw new CommandException(ExitCode.Refused, null, $"{path} is a directory", "-r removes it with all that is in it");
    }
}
