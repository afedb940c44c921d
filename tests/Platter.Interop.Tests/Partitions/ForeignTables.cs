using System.Globalization;
using System.Text.Json;
using Platter.Partitions;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Partitions;

/// <summary>Tables as other tools print them, and Platter's in the same words.</summary>
internal static class ForeignTables
{
    /// <summary>One line a partition, as <see cref="FromSfdisk"/> makes them.</summary>
    public static IReadOnlyList<string> Describe(PartitionTable table) =>
        [.. table.Partitions.OrderBy(p => p.Number).Select(p => Line(p.Number, p.Start, p.Length,
            table.Scheme == PartitionScheme.Mbr ? p.Type.Byte.ToString("x", CultureInfo.InvariantCulture) : p.Type.Id,
            p.UniqueId?.ToString().ToUpperInvariant(), p.Name, table.Scheme == PartitionScheme.Mbr && p.Flags.HasFlag(PartitionFlags.Bootable)))];

    /// <summary>What sfdisk reads.</summary>
    public static IReadOnlyList<string> FromSfdisk(string path)
    {
        using var json = JsonDocument.Parse(Tool.Expect("sfdisk", "--json", path));
        var table = json.RootElement.GetProperty("partitiontable");
        var size = table.TryGetProperty("sectorsize", out var s) ? s.GetInt64() : 512;
        var lines = new List<(int, string)>();
        foreach (var p in table.TryGetProperty("partitions", out var list) ? list.EnumerateArray() : default)
        {
            var number = int.Parse(p.GetProperty("node").GetString()![path.Length..].TrimStart('p'), CultureInfo.InvariantCulture);
            lines.Add((number, Line(number, p.GetProperty("start").GetInt64() * size, p.GetProperty("size").GetInt64() * size, p.GetProperty("type").GetString()!,
                Text(p, "uuid"), Text(p, "name") ?? "", p.TryGetProperty("bootable", out var b) && b.GetBoolean())));
        }
        return [.. lines.Order().Select(l => l.Item2)];

        static string? Text(JsonElement p, string key) => p.TryGetProperty(key, out var value) ? value.GetString() : null;
    }

    /// <summary>Numbers and places alone, as <see cref="PlacesFromParted"/> has them.</summary>
    public static IReadOnlyList<string> Places(PartitionTable table, Func<Partition, bool>? which = null) =>
        [.. table.Partitions.Where(which ?? (_ => true)).OrderBy(p => p.Number).Select(p => $"{p.Number} {p.Start} {p.Length}")];

    public static IReadOnlyList<string> PlacesFromParted(string path) => PlacesOfParted(Tool.Expect("parted", "-m", "-s", path, "unit", "B", "print"));

    public static IReadOnlyList<string> PlacesOfParted(string output) =>
        [.. output.Split('\n').Where(l => l.Length > 0 && char.IsAsciiDigit(l[0])).Select(l => l.Split(':'))
            .Select(f => (Number: int.Parse(f[0], CultureInfo.InvariantCulture), Start: f[1].TrimEnd('B'), Length: f[3].TrimEnd('B')))
            .OrderBy(f => f.Number).Select(f => $"{f.Number} {f.Start} {f.Length}")];

    /// <summary>Start and length in sectors of each row of <c>fdisk -l</c>, which must not complain.</summary>
    public static IReadOnlyList<string> RowsOfFdisk(int sectorSize, string path)
    {
        var fdisk = Tool.Run("fdisk", "-b", sectorSize.ToString(CultureInfo.InvariantCulture), "-o", "Start,Sectors", "-l", path);
        Assert.True(fdisk.Error.Length == 0, fdisk.Error);
        return [.. fdisk.Output.Split('\n').SkipWhile(l => !l.TrimStart().StartsWith("Start", StringComparison.Ordinal)).Skip(1)
            .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(f => f.Length == 2).Select(f => $"{f[0]} {f[1]}")];
    }

    private static string Line(int number, long start, long length, string type, string? uuid, string name, bool bootable) =>
        $"{number}: {start}+{length} {type} {uuid} '{name}'{(bootable ? " bootable" : "")}";
}
