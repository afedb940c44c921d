using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class CheckVerb : Verb
{
    private static readonly Option Data = Option.Flag("--data", "read the content of every file too");

    public override VerbSyntax Syntax => new()
    {
        Summary = "verify container, partition table and filesystems, changing nothing",
        Arguments = [Argument.Image],
        Options = [Data],
        Examples = [new("platter check pc.img", "everything in a disk image; exit code 10 when there is something to find"), new("platter check --json pc.img@1", "one partition, for a program")],
    };

    public override int Run(Session session)
    {
        var (disk, partition) = session.OpenDisk(session.Words[0]);
        using var _ = disk;
        var report = disk.Check(partition, new CheckOptions { Progress = session.Progress, Cancellation = session.Cancellation, ReadData = session.Arguments.Has(Data) });
        session.EndProgress();
        if (session.Json)
            WriteJson(session, report);
        else
            WriteText(session, report);
        return report.IsClean ? ExitCode.Done : ExitCode.FindingsMade;
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
            session.Out.WriteLine(report.IsClean ? paint.Good("clean") : paint.Bad($"{report.Total} findings"));
    }

    private static void WriteJson(Session session, CheckReport report)
    {
        using var json = new Json(session.Out);
        json.Object();
        json.Field("clean", report.IsClean);
        json.Field("total", report.Total);
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
