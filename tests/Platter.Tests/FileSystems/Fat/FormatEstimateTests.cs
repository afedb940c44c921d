using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

public class FormatEstimateTests
{
    [Theory]
    [InlineData("fat", 11)]
    [InlineData("fat12", 12)]
    [InlineData("fat16", 13)]
    [InlineData("fat32", 14)]
    public void A_tree_fits_on_a_volume_of_its_estimated_length(string type, int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 12; round++)
        {
            var tree = RandomTree(random, most: type == "fat12" ? 1 << 15 : 1 << 18);
            var options = new FormatOptions { Type = type, Label = "FITS", Options = type == "fat32" ? new Dictionary<string, string>() : new Dictionary<string, string> { ["root_entries"] = "2048" } };
            var length = FatSizeEstimate.Length(tree, options, 512);
            using var device = new SparseDevice(length);
            FatFormatter.Format(device, options);
            using (var volume = FatVolume.OpenForEditing(device, VolumeOptions.Default))
            {
                Fill(volume, tree);
                volume.Commit();
            }
            var report = FatChecker.Check(device, CheckOptions.Default);
            Assert.True(report.IsClean && report.Total == 0, $"round {round}, {type}, {length} bytes:\n{string.Join('\n', report.Findings)}");

            // And a good deal less does not do: the estimate is no guess.
            var content = tree.Entries.Sum(e => e.Length);
            Assert.True(length < content * 3 + (type == "fat32" ? 40 << 20 : type == "fat16" ? 5 << 20 : 1 << 20), $"{length} bytes for {content} of content");
        }
    }

    private static void Fill(EditableVolume volume, TreeShape tree)
    {
        var nodes = new NodeId[tree.Entries.Count];
        var buffer = new byte[64 << 10];
        for (var i = 0; i < nodes.Length; i++)
        {
            var entry = tree.Entries[i];
            var parent = entry.Parent < 0 ? volume.RootId : nodes[entry.Parent];
            if (entry.Kind == EntryKind.Directory)
            {
                nodes[i] = volume.CreateDirectory(parent, entry.Name, new MetadataChange());
                continue;
            }
            nodes[i] = volume.CreateFile(parent, entry.Name, new MetadataChange());
            using var stream = volume.OpenWrite(nodes[i], StreamName.Data);
            for (var left = entry.Length; left > 0; left -= buffer.Length)
                stream.Write(buffer, 0, (int)Math.Min(left, buffer.Length));
        }
    }

    private static TreeShape RandomTree(Random random, int most)
    {
        var entries = new List<TreeShapeEntry>();
        var directories = new List<int> { -1 };
        for (var n = random.Next(1, 120); n > 0; n--)
        {
            var parent = directories[random.Next(directories.Count)];
            var name = random.Next(3) switch { 0 => $"F{n}.TXT", 1 => $"file {n} " + new string('x', random.Next(1, 60)), _ => $"größe-{n}.日本" };
            if (random.Next(4) == 0)
            {
                directories.Add(entries.Count);
                entries.Add(new TreeShapeEntry(parent, name, EntryKind.Directory, 0));
            }
            else
            {
                entries.Add(new TreeShapeEntry(parent, name, EntryKind.File, random.Next(3) == 0 ? random.Next(3) : random.Next(most)));
            }
        }
        return new TreeShape(entries);
    }
}
