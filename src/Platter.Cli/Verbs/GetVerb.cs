using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.Trees;
using Platter.Trees.Host;

namespace Platter.Cli.Verbs;

internal sealed class GetVerb : Verb
{
    private static readonly Option NoClobber = Option.Flag("-n --no-clobber", "leave files that are there already");
    private static readonly Option Update = Option.Flag("-u --update", "replace files that are there already only when they are older");
    private static readonly Option NoTimes = Option.Flag("--no-times", "copies get the present time");
    private static readonly Option Special = Option.Flag("--special", "make devices, FIFOs and sockets too (needs root)");

    public override VerbSyntax Syntax => new()
    {
        Summary = "copy files and directories out of the image",
        Arguments =
        [
            Argument.Image, new("PATH", "what to copy, directories with all that is in them") { Kind = ValueKind.InsidePath, Many = true },
            new("DEST", "a folder of the host, the new name of the one PATH, or - for standard output") { Kind = ValueKind.HostPath },
        ],
        Options = [NoClobber, Update, NoTimes, Special],
        Examples =
        [
            new("platter get pc.img@1 /EFI/BOOT out/", "the directory BOOT, as out/BOOT"),
            new("platter get pc.img@1 / out/", "the content of the whole volume"),
            new("platter get camera.img '/DCIM/*/*.jpg' photos/", "all photographs"),
        ],
        Remarks = "Nothing is ever written outside DEST, whatever names and links the image holds.",
    };

    public override int Run(Session session)
    {
        var destination = session.Words[^1];
        using var at = session.OpenVolume(session.Words[0]);
        var paths = session.Expand(at.Volume, session.WordsBetween);
        if (destination == "-")
        {
            foreach (var path in paths)
                CatVerb.Write(session, at.Volume.Find(path), path, StreamName.Data);
            return ExitCode.Done;
        }
        var intoFolder = Directory.Exists(destination);
        if (!intoFolder && (paths.Length > 1 || destination.EndsWith('/') || paths[0] == "/"))
        {
            MakeFolder(destination);
            intoFolder = true;
        }
        else if (!intoFolder && File.Exists(destination) && at.Volume.Find(paths[0]).IsDirectory)
        {
            throw FileInTheWay(destination);
        }
        var (folder, name) = intoFolder ? (destination, null) : SplitHost(destination);
        var reports = new List<CopyReport>();
        foreach (var path in paths)
        {
            session.SayMore(path);
            using var source = path == "/" ? VolumeTreeSource.Content(at.Volume) : VolumeTreeSource.Entry(at.Volume, path, name);
            using var sink = new HostTreeSink(folder, new HostSinkOptions { RestoreSpecialFiles = session.Arguments.Has(Special) });
            reports.Add(TreeCopier.Copy(source, sink, TreeTotals.Add(Options(session), source)));
        }
        foreach (var report in reports)
            session.Finish(report, committed: true);
        if (session.Json)
            WriteJson(session, reports);
        return ExitCode.Done;
    }

    private static void MakeFolder(string path)
    {
        if (File.Exists(Path.TrimEndingDirectorySeparator(path)))
            throw FileInTheWay(path);
        Directory.CreateDirectory(path);
    }

    private static CommandException FileInTheWay(string path) => new(ExitCode.Exists, path, "a file is there, where a folder is needed");

    internal static void WriteJson(Session session, IReadOnlyList<CopyReport> reports)
    {
        using var json = new Json(session.Out);
        json.Object();
        json.Array("copies");
        foreach (var report in reports)
        {
            json.Object();
            CopySummary.Write(json, report);
            json.End();
        }
        json.EndArray();
        json.End();
    }

    private static CopyOptions Options(Session session) => new()
    {
        Progress = session.Progress,
        Cancellation = session.Cancellation,
        PreserveTimes = !session.Arguments.Has(NoTimes),
        Overwrite = session.Arguments.Has(NoClobber) ? Overwrite.Skip : session.Arguments.Has(Update) ? Overwrite.ReplaceOlder : Overwrite.Replace,
    };

    private static (string Folder, string Name) SplitHost(string path)
    {
        var full = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(full)!;
        return Directory.Exists(folder) ? (folder, Path.GetFileName(full)) : throw new CommandException(ExitCode.NotFound, folder, "no such folder");
    }
}
