using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.Trees;

namespace Platter.Cli.Verbs;

internal sealed class CpVerb : Verb
{
    private static readonly Option Recursive = Option.Flag("-r -R --recursive", "directories with all that is in them");
    private static readonly Option NoClobber = Option.Flag("-n --no-clobber", "leave files that are there already");

    public override VerbSyntax Syntax => new()
    {
        Summary = "copy, within the volume",
        Arguments =
        [
            Argument.Image, new("SRC", "what to copy") { Kind = ValueKind.InsidePath, Many = true },
            new("DST", "a directory, or the name of the copy of the one SRC") { Kind = ValueKind.InsidePath },
        ],
        Options = [Recursive, NoClobber],
        Examples = [new("platter cp -r pc.img@1 /EFI/BOOT /EFI/BACKUP", "a directory, with all that is in it")],
    };

    public override int Run(Session session)
    {
        using var at = session.EditVolume(session.Words[0]);
        var sources = session.Expand(at.Volume, session.WordsBetween);
        var typed = session.Words[^1];
        var destination = session.Inside(typed);
        var isFolder = at.Volume.TryFind(destination, out var there) && there.IsDirectory;
        if (!isFolder && (sources.Length > 1 || typed.EndsWith('/')))
            throw new CommandException(ExitCode.NotFound, null, $"{destination} is not a directory");
        var reports = new List<CopyReport>();
        foreach (var source in sources)
        {
            session.SayMore(source);
            var folder = isFolder ? destination : InsidePath.FolderOf(destination);
            var name = InsidePath.NameOf(isFolder ? source : destination);
            Check(session, at.Volume, source, InsidePath.Combine(folder, name));
            using var from = VolumeTreeSource.Entry(at.Volume, source, name);
            using var to = new VolumeTreeSink(at.Volume, folder);
            reports.Add(TreeCopier.Copy(from, to, new CopyOptions
            {
                Progress = session.Progress,
                Cancellation = session.Cancellation,
                Overwrite = session.Arguments.Has(NoClobber) ? Overwrite.Skip : Overwrite.Replace,
            }));
        }
        at.Volume.Commit();
        foreach (var report in reports)
            session.Finish(report, committed: true);
        return ExitCode.Done;
    }

    private static void Check(Session session, Volume volume, string source, string target)
    {
        var node = volume.Find(source);
        if (node.IsDirectory && !session.Arguments.Has(Recursive))
            throw new CommandException(ExitCode.Refused, null, $"{source} is a directory", "-r copies it with all that is in it");
        if (volume.TryFind(target, out var there) && there.Id == node.Id)
            throw new CommandException(ExitCode.Usage, null, $"{source} and {target} are the same");
        for (var folder = InsidePath.FolderOf(target); ; folder = InsidePath.FolderOf(folder))
        {
            if (volume.TryFind(folder, out var above) && above.Id == node.Id)
                throw new CommandException(ExitCode.Usage, null, $"{source} cannot be copied into itself");
            if (folder == "/")
                return;
        }
    }
}
