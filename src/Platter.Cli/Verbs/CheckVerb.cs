using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.FileSystems.Swap;

namespace Platter.Cli.Verbs;

internal sealed class CheckVerb : Verb
{
    private static readonly Option Data = Option.Flag("--data", "read the content of every file too");
    private static readonly Option Repair = Option.Flag("--repair", "mend what can be mended without a loss (NTFS), and check again");
    private static readonly Option DryRun = Option.Flag("--dry-run", "with --repair: say what would be done, and write nothing");

    public override VerbSyntax Syntax => new()
    {
        Summary = "verify container, partition table and filesystems, changing nothing; or repair a filesystem",
        Arguments = [Argument.Image],
        Options = [Data, Repair, DryRun],
        Examples = [new("platter check pc.img", "everything in a disk image; exit code 10 when there is something to find"), new("platter check --json pc.img@1", "one partition, for a program"), new("platter check --repair --dry-run ntfs.img", "what a repair would do")],
    };

    public override int Run(Session session)
    {
        bool repairs = session.Arguments.Has(Repair), isDry = session.Arguments.Has(DryRun);
        if (isDry && !repairs)
            throw new UsageException("--dry-run goes with --repair", "a check without --repair writes nothing");
        var (disk, partition) = repairs && !isDry ? session.EditDisk(session.Words[0]) : session.OpenDisk(session.Words[0]);
        using var _ = disk;
        var options = new CheckOptions { Progress = session.Progress, Cancellation = session.Cancellation, ReadData = session.Arguments.Has(Data) };
        var repaired = repairs ? disk.Repair(partition, new RepairOptions { DryRun = isDry, Check = options }) : null;
        var report = repaired?.Remaining ?? disk.Check(partition, options);
        session.EndProgress();
        if (partition is null && report.IsClean)
            RefuseNothing(disk);
        if (session.Json)
        {
            WriteJson(session, report, repaired);
        }
        else
        {
            foreach (var repair in repaired?.Repairs ?? [])
                session.Out.WriteLine($"{repair.Code} {session.Paint.Good(isDry ? "would repair" : "repaired")}: {SafeText.OneLine(repair.Structure)}: {SafeText.OneLine(repair.Message)}");
            WriteText(session, report);
        }
        return report.IsClean ? ExitCode.Done : ExitCode.FindingsMade;
    }

    // A container has its own rules, which hold; bare bytes that are nothing known have none, and are not to be called clean.
    private static void RefuseNothing(DiskImage disk)
    {
        if (disk.Container.Format.Name == "raw" && disk.FileSystem is null && disk.PartitionTable is null && !SwapArea.Recognise(disk.Device))
        {
            throw new UnsupportedFeatureException(disk.Place(null).ForeignContent is { } name ? $"it holds {name}, and nothing that Platter checks"
                : "neither a filesystem nor a partition table that Platter knows, so there is nothing to check");
        }
    }

    private static void WriteText(Session session, CheckReport report)
    {
        var paint = session.Paint;
        foreach (var f in report.Findings)
        {
            var severity = f.Severity.ToString().ToLowerInvariant();
            var painted = f.Severity switch { Severity.Error => paint.Bad(severity), Severity.Warning => paint.Warning(severity), _ => paint.Dim(severity) };
            session.Out.WriteLine($"{f.Code} {painted}: {SafeText.OneLine(f.Structure)}{(f.Offset is { } offset ? $" at 0x{offset:X}" : "")}: {SafeText.OneLine(f.Message)}");
        }
        if (report.Total > report.Findings.Count)
            session.Out.WriteLine($"... and {report.Total - report.Findings.Count} more");
        if (!session.Quiet)
            session.Out.WriteLine(report.IsClean ? paint.Good("clean") : paint.Bad(report.Total == 1 ? "1 finding" : $"{report.Total} findings"));
    }

    private static void WriteJson(Session session, CheckReport report, RepairReport? repaired)
    {
        using var json = new Json(session.Out);
        json.Object();
        json.Field("clean", report.IsClean);
        json.Field("total", report.Total);
        if (repaired is not null)
        {
            json.Array("repairs");
            foreach (var repair in repaired.Repairs)
            {
                json.Object();
                json.Field("code", repair.Code);
                json.Field("where", repair.Structure);
                json.Field("message", repair.Message);
                json.End();
            }
            json.EndArray();
        }
        json.Array("findings");
        foreach (var f in report.Findings)
        {
            json.Object();
            json.Field("code", f.Code);
            json.Field("severity", f.Severity.ToString().ToLowerInvariant());
            json.Field("where", f.Structure);
            json.Field("offset", f.Offset);
            json.Field("message", f.Message);
            json.End();
        }
        json.EndArray();
        json.End();
    }
}
