using Platter.Cli.Output;
using Platter.Trees.Building;

namespace Platter.Cli;

/// <summary>What was built, for people and for programs.</summary>
internal static class BuildSummary
{
    public static void Write(Session session, BuildReport report)
    {
        session.EndProgress();
        if (session.Json)
            WriteJson(session, report);
        else if (!session.Quiet)
            WriteText(session, report);
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
            table.Add(partition is null ? "" : $"@{partition.Number}", ByteSize.FormatRounded(partition?.Length ?? volume?.Length ?? 0),
                partition is null ? "" : partition.Type.ToString(), volume?.Info.Type ?? "", session.Show(volume?.Info.Label ?? ""),
                volume is null ? "" : $"{Count(volume.Copied.Files, "file", "files")}, {Count(volume.Copied.Directories, "directory", "directories")}, {ByteSize.FormatRounded(volume.FreeBytes)} free");
        }
        table.Write(session.Out, session.Paint, "  ");
    }

    private static string Count(long number, string one, string many) => $"{number} {(number == 1 ? one : many)}";

    private static void WriteJson(Session session, BuildReport report)
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
        json.End();
    }
}
