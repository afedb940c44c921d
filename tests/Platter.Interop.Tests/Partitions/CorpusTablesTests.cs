using System.Globalization;
using Platter.Blocks;
using Platter.Partitions;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Partitions;

/// <summary>Tables that others made, compared with listings by sfdisk and mmls.</summary>
public sealed class CorpusTablesTests
{
    // Where the listing's tool and Platter read differently, and why Platter is right to.
    private static readonly Dictionary<string, string> Differences = new(StringComparer.Ordinal)
    {
        ["ptable/node-gpt-gpt-primary-exfat.bin.zst"] = "the first 34 sectors of a disk: sfdisk wants the backup too and falls back to the protective MBR; the primary copy is sound",
    };

    public static TheoryData<string> Images()
    {
        var data = new TheoryData<string>();
        foreach (var image in Corpus.Images.Where(i => i.Kind is "ptable" or "disk"))
            data.Add(image.File);
        return data;
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void The_partitions_are_those_of_the_listing(string file)
    {
        using var folder = new TempFolder();
        var image = Corpus.Images.Single(i => i.File == file);
        using var disk = new ImageFile(Corpus.Unpack(image, folder));
        var listing = image.Oracles.FirstOrDefault(o => o.EndsWith(".parts.tsv", StringComparison.Ordinal));
        var wanted = listing is null ? [] : Corpus.ReadOracle(image, listing).Split('\n').Where(l => l.Length > 0 && l[0] != '#').Select(Line).Order(StringComparer.Ordinal).ToList();
        PartitionTable? table = null;
        try
        {
            table = PartitionTable.TryOpen(disk);
        }
        catch (DiskFormatException) when (wanted.Count == 0)
        {
            // A table that neither tool can read.
        }
        // mmls lists no names of an Apple map.
        var found = (table?.Partitions ?? []).Where(p => p.Type.Text != "Apple_Free")
            .Select(p => $"{p.Start} {p.Length} {(p.Type.Scheme == PartitionScheme.Mbr ? p.Type.Byte.ToString("x", CultureInfo.InvariantCulture) : p.Type.Id)} {(table!.Scheme == PartitionScheme.Apm ? "" : p.Name)}".TrimEnd()).Order(StringComparer.Ordinal).ToList();
        if (Differences.ContainsKey(file))
            Assert.NotEqual(wanted, found);
        else
            Assert.Equal(wanted, found);
    }

    private static string Line(string line)
    {
        var c = line.Split('\t');
        return $"{c[2]} {c[3]} {c[4]} {c[5]}".TrimEnd();
    }

    /// <summary>An image too large to be held in memory twice over.</summary>
    private sealed class ImageFile(string path) : BlockDevice
    {
        private readonly FileStream _file = File.OpenRead(path);

        public override long Length => _file.Length;
        public override bool CanWrite => false;

        public override void Flush()
        {
            // Nothing is ever written.
        }

        protected override void ReadCore(long offset, Span<byte> buffer)
        {
            _file.Position = offset;
            _file.ReadExactly(buffer);
        }

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            _file.Dispose();
            base.Dispose(disposing);
        }
    }
}
