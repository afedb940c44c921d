using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class MvVerb : Verb
{
    private static readonly Option NoClobber = Option.Flag("-n --no-clobber", "what is there stays: that is an error then");

    public override VerbSyntax Syntax => new()
    {
        Summary = "rename or move, within the volume",
        Arguments =
        [
            Argument.Image, new("SRC", "what to move") { Kind = ValueKind.InsidePath, Many = true },
            new("DST", "a directory, or the new name of the one SRC") { Kind = ValueKind.InsidePath },
        ],
        Options = [NoClobber],
        Examples = [new("platter mv pc.img@1 /boot/new.cfg /boot/grub.cfg", "replace a file at one instant"), new("platter mv pc.img@1 /a.txt /b.txt /docs", "into a directory")],
    };

    public override int Run(Session session)
    {
        using var at = session.EditVolume(session.Words[0]);
        var sources = session.Expand(at.Volume, session.WordsBetween);
        var typed = session.Words[^1];
        var destination = session.Inside(typed);
        var exists = at.Volume.TryFind(destination, out var there);
        var isFolder = exists && there.IsDirectory;
        // Another spelling of the source's own name (FAT: readme -> README) renames it, it does not go into itself.
        if (isFolder && sources is [var only] && at.Volume.TryFind(only, out var self) && self.Id == there.Id)
            isFolder = false;
        if (!isFolder && (sources.Length > 1 || (typed.EndsWith('/') && !exists)))
            throw new CommandException(ExitCode.NotFound, null, $"{destination} is not a directory");
        foreach (var source in sources)
        {
            at.Volume.Find(source);
            var parent = InsidePath.Locate(at.Volume, source, out var name);
            var newName = name;
            var newParent = isFolder ? there.Id : InsidePath.Locate(at.Volume, destination, out newName);
            session.SayMore($"{source} -> {(isFolder ? InsidePath.Combine(destination, name) : destination)}");
            at.Volume.Rename(parent, name, newParent, newName, replace: !session.Arguments.Has(NoClobber));
        }
        at.Volume.Commit();
        return ExitCode.Done;
    }
}
