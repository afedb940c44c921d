using Platter.Blocks;
using Platter.Cli.Output;
using Platter.Cli.Syntax;

namespace Platter.Cli.Verbs;

internal sealed class DevicesVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "list the host's disks and what is on them",
        Examples = [new("platter devices", "disks, partitions, and what uses them")],
    };

    public override int Run(Session session)
    {
        var disks = HostDisks.List();
        if (session.Json)
        {
            WriteJson(session, disks);
            return ExitCode.Done;
        }
        var table = new Table("device", "size", "holds", "in use", "model").Right(1);
        foreach (var disk in disks)
        {
            var holds = Holds(disk.Path);
            table.Add(disk.Path, ByteSize.FormatRounded(disk.Length), holds[0] ?? "", string.Join(", ", disk.Uses), disk.Model ?? "");
            foreach (var p in disk.Partitions)
                table.Add("  " + p.Path, ByteSize.FormatRounded(p.Length), holds.GetValueOrDefault(p.Number) ?? "", string.Join(", ", p.Uses), "");
        }
        table.Write(session.Out, session.Paint);
        return ExitCode.Done;
    }

    /// <summary>What the disk (number 0) and each partition holds; nothing where it may not be read.</summary>
    private static Dictionary<int, string?> Holds(string path)
    {
        var holds = new Dictionary<int, string?> { [0] = null };
        try
        {
            using var disk = DiskImage.Open(path);
            holds[0] = disk.FileSystem?.Names[0] ?? disk.PartitionTable?.Scheme.ToString().ToUpperInvariant();
            foreach (var p in disk.Partitions)
                holds[p.Number] = p.FileSystem?.Names[0] ?? p.Entry.Type.ToString();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or UnsupportedFeatureException)
        {
            // What cannot be read (no rights, no medium, a broken table) is listed all the same.
        }
        return holds;
    }

    private static void WriteJson(Session session, IReadOnlyList<HostDiskInfo> disks)
    {
        using var json = new Json(session.Out);
        json.Object();
        json.Array("devices");
        foreach (var disk in disks)
        {
            var holds = Holds(disk.Path);
            json.Object();
            json.Field("path", disk.Path);
            json.Field("size", disk.Length);
            json.Field("sectorSize", (long)disk.SectorSize);
            json.Field("model", disk.Model);
            json.Field("removable", disk.IsRemovable);
            json.Field("readOnly", disk.IsReadOnly);
            json.Field("holds", holds[0]);
            Uses(json, disk.Uses);
            json.Array("partitions");
            foreach (var p in disk.Partitions)
            {
                json.Object();
                json.Field("path", p.Path);
                json.Field("number", (long)p.Number);
                json.Field("start", p.Offset);
                json.Field("length", p.Length);
                json.Field("holds", holds.GetValueOrDefault(p.Number));
                Uses(json, p.Uses);
                json.End();
            }
            json.EndArray();
            json.End();
        }
        json.EndArray();
        json.End();
    }

    private static void Uses(Json json, IReadOnlyList<string> uses)
    {
        json.Array("uses");
        foreach (var use in uses)
            json.Text(use);
        json.EndArray();
    }
}
