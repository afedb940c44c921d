using System.Globalization;
using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.FileSystems.Swap;
using Platter.Images;
using Platter.Partitions;

namespace Platter.Cli.Verbs;

internal sealed class InfoVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "show what an image is: container, partitions, filesystems",
        Arguments = [Argument.Image],
        Examples = [new("platter info pc.img", "everything at a glance"), new("platter info pc.img@2", "one partition's filesystem"), new("platter info --json pc.img", "for a program")],
    };

    public override int Run(Session session)
    {
        var (disk, partition) = session.OpenDisk(session.Words[0]);
        using var _ = disk;
        // A filesystem that fills the image leaves no room for a partition table; where both are to be seen, both are shown.
        var (table, problem) = Table(disk);
        var whole = partition is not null ? Look(disk, disk.Place(partition).Partition!)
            : disk.FileSystem is not null ? Look(() => disk.OpenVolume())
            : table is null ? LookForSwap(() => SwapArea.TryOpen(disk.Device)) : default;
        var partitions = table is null ? [] : disk.Partitions.Where(p => partition is null || p.Number == partition).Select(p => (p.Entry, Found: Look(p))).ToList();
        if (session.Json)
            WriteJson(session, disk, table, partitions, whole);
        else
            WriteText(session, disk, table, problem, partitions, whole, partition);
        return ExitCode.Done;
    }

    // Nearest first; the containers themselves bound how many there can be.
    private static List<Container> Chain(DiskImage disk)
    {
        var chain = new List<Container>();
        for (var parent = disk.Container.Parent; parent is not null; parent = parent.Parent)
            chain.Add(parent);
        return chain;
    }

    // What unpacks everything to look at it takes its time in 'check', not here.
    private static CheckReport Integrity(DiskImage disk)
    {
        var report = new CheckReport();
        if (!disk.Container.ChecksContent)
            disk.Container.Check(report);
        return report;
    }

    private static string First(CheckReport report)
    {
        var worst = report.Findings.First(f => f.Severity > Severity.Note);
        return $"{worst.Code} {worst.Structure}: {worst.Message}";
    }

    private static void WriteChain(Json json, DiskImage disk)
    {
        var chain = Chain(disk);
        if (chain.Count == 0)
            return;
        json.Array("parents");
        foreach (var parent in chain)
        {
            json.Object();
            json.Field("path", parent.Path);
            json.Field("format", parent.Format.Name);
            json.Field("size", parent.VirtualSize);
            json.End();
        }
        json.EndArray();
    }

    private static void WriteIntegrity(Json json, DiskImage disk)
    {
        var integrity = Integrity(disk);
        if (!disk.Container.ChecksContent)
            json.Field("sound", integrity.IsClean);
        json.Array("findings");
        foreach (var finding in integrity.Findings.Concat(disk.Clues))
        {
            json.Object();
            json.Field("code", finding.Code);
            json.Field("severity", finding.Severity.ToString().ToLowerInvariant());
            json.Field("where", finding.Structure);
            json.Field("message", finding.Message);
            json.End();
        }
        json.EndArray();
    }

    /// <summary>What could be learned of a filesystem: what it says, or what is wrong with it.</summary>
    private readonly record struct Found(VolumeInfo? Info, long? Free, string? Problem, PartitionContentKind Content = PartitionContentKind.FileSystem, string? Data = null);

    private static Found Look(DiskPartition partition) => partition.ContentKind switch
    {
        PartitionContentKind.FileSystem => Look(partition.OpenVolume),
        PartitionContentKind.Swap => LookForSwap(() => partition.Swap),
        PartitionContentKind.Data => new Found(null, null, null, PartitionContentKind.Data, PartitionText.OfData(partition)),
        var other => new Found(null, null, null, other),
    };

    // The partition that was asked for holds something that can be told of, or it is an error.
    private static Found Look(DiskImage disk, DiskPartition partition) =>
        partition.ContentKind == PartitionContentKind.Swap ? Look(partition) : Look(() => disk.OpenVolume(partition.Number));

    private static Found LookForSwap(Func<SwapArea?> open)
    {
        try
        {
            return open()?.Info is { } info ? new Found(info, null, null, PartitionContentKind.Swap) : default;
        }
        catch (DiskFormatException e)
        {
            return new Found(null, null, ExitCode.Why(e), PartitionContentKind.Swap);
        }
    }

    private static Found Look(Func<Volume> open)
    {
        VolumeInfo? info = null;
        try
        {
            using var volume = open();
            info = volume.Info;
            return new Found(info, volume.FreeBytes, null);
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
        {
            return new Found(info, null, ExitCode.Why(e));
        }
    }

    private static (PartitionTable? Table, string? Problem) Table(DiskImage disk)
    {
        try
        {
            return (disk.PartitionTable, null);
        }
        catch (DiskFormatException e)
        {
            return (null, ExitCode.Why(e));
        }
    }

    private static void WriteText(Session session, DiskImage disk, PartitionTable? table, string? problem, List<(Partition Entry, Found Found)> partitions, Found whole, int? number)
    {
        var (output, paint) = (session.Out, session.Paint);
        output.WriteLine(paint.Bold(session.Show(disk.Path)));
        var facts = new Facts(paint);
        facts.Add("container", disk.Container.Format.Description);
        facts.Add("size", $"{ByteSize.FormatRounded(disk.Device.Length)} ({disk.Device.Length} bytes)");
        facts.Add("allocated", ByteSize.FormatRounded(disk.Container.AllocatedSize));
        if (disk.Container.BlockSize is { } blockSize)
            facts.Add("block size", ByteSize.FormatRounded(blockSize));
        foreach (var (name, value) in disk.Container.Details)
        {
            if (name != "block size")
                facts.Add(name, session.Show(value));
        }
        var chain = Chain(disk);
        for (var i = 0; i < chain.Count; i++)
            facts.Add(i == 0 ? "builds upon" : "", $"{session.Show(chain[i].Path ?? "?")} ({chain[i].Format.Description}, {ByteSize.FormatRounded(chain[i].VirtualSize)})");
        var integrity = Integrity(disk);
        facts.Add("integrity", disk.Container.ChecksContent ? "not looked at: 'platter check' unpacks all of it" : integrity.IsClean ? paint.Good("sound") : paint.Bad($"{integrity.Total} findings, the first: {session.Show(First(integrity))}"));
        foreach (var clue in disk.Clues)
            facts.Add("note", paint.Warning(session.Show(clue.Message)));
        if (table is not null)
        {
            facts.Add("partitions", $"{table.Scheme.ToString().ToUpperInvariant()}, sectors of {table.SectorSize} bytes"
                + (table.DiskId is { } id ? $", disk {id.ToString().ToUpperInvariant()}" : table.DiskSignature is { } s and not 0 ? $", disk 0x{s:X8}" : ""));
        }
        if (problem is not null)
            facts.Add("partitions", paint.Bad(problem));
        facts.Write(output, "  ");
        if (partitions.Count > 0 && number is null)
        {
            output.WriteLine();
            WritePartitions(session, partitions);
        }
        foreach (var finding in table?.Findings ?? [])
            output.WriteLine("  " + paint.Warning($"{finding.Severity.ToString().ToLowerInvariant()}: {finding.Structure}: {session.Show(finding.Message)}"));
        if (whole.Info is not null || whole.Problem is not null)
        {
            output.WriteLine();
            output.WriteLine(paint.Heading(number is { } n ? $"partition {n}" : "filesystem"));
            WriteVolume(session, whole);
        }
        else if (table is null && problem is null)
        {
            output.WriteLine();
            output.WriteLine("  " + (disk.Place(null).ForeignContent is { } name ? $"{name}, and no filesystem that Platter opens" : "neither a filesystem nor a partition table that Platter knows"));
        }
    }

    private static void WritePartitions(Session session, List<(Partition Entry, Found Found)> partitions)
    {
        var paint = session.Paint;
        var table = new Table("", "start", "size", "type", "name", "filesystem", "label", "free", "").Right(1, 2, 7);
        foreach (var (p, found) in partitions)
        {
            var state = found.Problem is not null ? new Cell("broken", paint.Bad("broken"))
                : found.Info is { IsClean: false } ? new Cell("dirty", paint.Warning("dirty"))
                : (p.Flags & PartitionFlags.Bootable) != 0 ? "bootable" : "";
            var number = $"@{p.Number}";
            table.Add(new Cell(number, paint.Bold(number)), ByteSize.FormatRounded(p.Start), ByteSize.FormatRounded(p.Length), p.Type.ToString(), session.Show(p.Name),
                found.Info?.Type ?? (found.Problem is not null ? "?" : found.Data ?? ""), session.Show(found.Info?.Label ?? ""), found.Free is { } free ? ByteSize.FormatRounded(free) : "", state);
        }
        table.Write(session.Out, paint, "  ");
    }

    private static void WriteVolume(Session session, Found found)
    {
        var facts = new Facts(session.Paint);
        if (found.Info is { } info)
        {
            facts.Add("type", info.Type);
            facts.Add("label", info.Label is null ? "none" : session.Show(info.Label));
            facts.Add("id", info.Id);
            facts.Add("block size", ByteSize.FormatRounded(info.BlockSize));
            facts.Add("space", ByteSize.FormatRounded(info.TotalBytes)
                + (found.Free is { } free ? $", {ByteSize.FormatRounded(free)} free ({(info.TotalBytes == 0 ? 0 : free * 100.0 / info.TotalBytes).ToString("0", CultureInfo.InvariantCulture)} %)" : ""));
            facts.Add("state", info.IsClean ? session.Paint.Good("clean") : session.Paint.Warning("dirty: a check is due"));
            foreach (var (name, value) in info.Details)
                facts.Add(name, session.Show(value));
        }
        if (found.Problem is { } problem)
            facts.Add("problem", session.Paint.Bad(problem));
        facts.Write(session.Out, "  ");
    }

    private static void WriteJson(Session session, DiskImage disk, PartitionTable? table, List<(Partition Entry, Found Found)> partitions, Found whole)
    {
        using var json = new Json(session.Out);
        json.Object();
        json.Object("container");
        json.Field("path", disk.Path);
        json.Field("format", disk.Container.Format.Name);
        json.Field("size", disk.Device.Length);
        json.Field("allocated", disk.Container.AllocatedSize);
        json.Field("sectorSize", (long)disk.Device.SectorSize);
        json.Field("blockSize", disk.Container.BlockSize);
        WriteDetails(json, "details", disk.Container.Details);
        WriteChain(json, disk);
        WriteIntegrity(json, disk);
        json.End();
        if (table is not null)
        {
            json.Object("partitionTable");
            json.Field("scheme", table.Scheme.ToString().ToLowerInvariant());
            json.Field("sectorSize", (long)table.SectorSize);
            json.Field("id", table.DiskId?.ToString().ToUpperInvariant() ?? (table.DiskSignature is { } s and not 0 ? $"0x{s:X8}" : null));
            json.End();
            json.Array("partitions");
            foreach (var (entry, found) in partitions)
            {
                json.Object();
                PartitionText.WriteFields(json, entry);
                json.Field("content", found.Content.ToString().ToLowerInvariant());
                WriteVolume(json, found);
                json.End();
            }
            json.EndArray();
        }
        WriteVolume(json, whole);
        json.End();
    }

    private static void WriteVolume(Json json, Found found)
    {
        if (found.Info is null && found.Problem is null)
            return;
        json.Object("filesystem");
        if (found.Info is { } info)
        {
            json.Field("type", info.Type);
            json.Field("label", info.Label);
            json.Field("id", info.Id);
            json.Field("blockSize", (long)info.BlockSize);
            json.Field("total", info.TotalBytes);
            json.Field("free", found.Free);
            json.Field("clean", info.IsClean);
            WriteDetails(json, "features", info.Details);
        }
        json.Field("problem", found.Problem);
        json.End();
    }

    private static void WriteDetails(Json json, string name, IReadOnlyList<KeyValuePair<string, string>> details)
    {
        if (details.Count == 0)
            return;
        json.Object(name);
        foreach (var (key, value) in details)
            json.Field(key, value);
        json.End();
    }
}
