using Platter.Cli.Output;
using Platter.FileSystems.Swap;
using Platter.Trees.Building;

namespace Platter.Cli;

/// <summary>What was built, for people and for programs.</summary>
internal static class BuildSummary
{
    public static void Write(Session session, BuildReport report, BuildVerdict? verdict = null)
    {
        session.EndProgress();
        if (session.Json)
            WriteJson(session, report, verdict);
        else if (!session.Quiet)
            WriteText(session, report);
        if (!session.Json && verdict is not null && (!session.Quiet || verdict.Difference is not null))
            session.Out.WriteLine(verdict.Difference is { } difference ? session.Paint.Bad($"not the same twice: {session.Show(difference.ToString())}") : session.Paint.Good("the same bytes twice"));
        foreach (var volume in report.Volumes)
            session.Finish(volume.Copied, committed: true);
    }

    private static void WriteText(Session session, BuildReport report)
    {
        session.Out.WriteLine($"{session.Paint.Bold(session.Show(report.Path))}: {report.Format}, {ByteSize.FormatRounded(report.Length)}");
        var table = new Table("", "", "", "", "", "").Right(1);
        foreach (var partition in report.Partitions.DefaultIfEmpty(null))
        {
            var volume = report.Volumes.FirstOrDefault(v => v.Partition?.Number == partition?.Number);
            if (partition is not null && report.Blobs.FirstOrDefault(b => b.Partition?.Number == partition.Number) is { } content)
            {
                table.Add($"@{partition.Number}", ByteSize.FormatRounded(partition.Length), partition.Type.ToString(), "data", "", $"{ByteSize.FormatRounded(content.Length)} of {session.Show(content.Source)}");
                continue;
            }
            if (volume is { Info.Type: SwapArea.TypeName })
            {
                table.Add(partition is null ? "" : $"@{partition.Number}", ByteSize.FormatRounded(volume.Length), partition is null ? "" : partition.Type.ToString(), volume.Info.Type, session.Show(volume.Info.Label ?? ""), "");
                continue;
            }
            table.Add(partition is null ? "" : $"@{partition.Number}", ByteSize.FormatRounded(partition?.Length ?? volume?.Length ?? 0),
                partition is null ? "" : partition.Type.ToString(), volume?.Info.Type ?? "", session.Show(volume?.Info.Label ?? ""),
                volume is null ? "" : $"{Count(volume.Copied.Files, "file", "files")}, {Count(volume.Copied.Directories, "directory", "directories")}, {ByteSize.FormatRounded(volume.FreeBytes)} free");
        }
        foreach (var blob in report.Blobs.Where(b => b.Partition is null))
            table.Add("", ByteSize.FormatRounded(blob.Length), "", "data", "", $"{session.Show(blob.Source)} at byte {blob.Offset}");
        table.Write(session.Out, session.Paint, "  ");
    }

    private static string Count(long number, string one, string many) => $"{number} {(number == 1 ? one : many)}";

    private static void WriteJson(Session session, BuildReport report, BuildVerdict? verdict)
    {
        using var json = new Json(session.Out);
        json.Object();
        json.Field("path", report.Path);
        json.Field("format", report.Format);
        json.Field("size", report.Length);
        json.Array("partitions");
        foreach (var partition in report.Partitions)
        {
            json.Object();
            PartitionText.WriteFields(json, partition);
            json.End();
        }
        json.EndArray();
        json.Array("blobs");
        foreach (var blob in report.Blobs)
        {
            json.Object();
            json.Field("partition", blob.Partition?.Number);
            json.Field("source", blob.Source);
            json.Field("offset", blob.Offset);
            json.Field("length", blob.Length);
            json.End();
        }
        json.EndArray();
        json.Array("filesystems");
        foreach (var volume in report.Volumes)
        {
            json.Object();
            json.Field("partition", volume.Partition?.Number);
            json.Field("type", volume.Info.Type);
            json.Field("label", volume.Info.Label);
            json.Field("id", volume.Info.Id);
            json.Field("size", volume.Length);
            json.Field("free", volume.FreeBytes);
            CopySummary.Write(json, volume.Copied);
            json.End();
        }
        json.EndArray();
        if (verdict is not null)
            WriteVerdict(json, verdict);
        json.End();
    }

    private static void WriteVerdict(Json json, BuildVerdict verdict)
    {
        json.Field("reproducible", verdict.Difference is null);
        if (verdict.Difference is not { } difference)
            return;
        json.Object("difference");
        json.Field("fileOffset", difference.FileOffset);
        json.Field("diskOffset", difference.DiskOffset);
        json.Field("partition", difference.Partition?.Number);
        json.Field("path", difference.Path);
        json.Field("what", difference.What);
        json.End();
    }
}

/// <summary>What building twice came to.</summary>
/// <param name="Difference">Where the images differ first; null when they are the same.</param>
internal sealed record BuildVerdict(BuildDifference? Difference);
