using System.Globalization;
using System.Text;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.Images;
using Platter.Testing.Blocks;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>Files are put, replaced and removed on a FAT or NTFS volume that lies in several flat extents of a VMDK, with the power cut after every single
/// write to any of them: each file keeps what it likes until it is flushed, and still the tree before or after is found, in all of them together.</summary>
public sealed class VmdkExtentsPowerCutTests(ITestOutputHelper output)
{
    private const int Sector = 512, DiskSectors = (6 << 20) / Sector;

    // Where the descriptor would be, if there were files at all.
    private static readonly string ImagePath = Path.GetFullPath("a.vmdk");

    /// <summary>Sectors of each extent but the last, which has the rest. Odd numbers, so that pages of the journal end between the files, and small ones at the
    /// start, where the files of a FAT lie, and in the middle, where NTFS has its tables.</summary>
    public static TheoryData<string, string, int[], long> Layouts() => new()
    {
        { "monolithicFlat", "fat16", [], 0 },
        { "twoGbMaxExtentFlat", "fat16", [97, 181, 399, 1001, 2003], 0 },
        { "twoGbMaxExtentFlat", "fat16", [1, 300, 7, 808], 64 << 10 },
        { "twoGbMaxExtentFlat", "ntfs", [97, 181, 399, 1001, 2003], 0 },
        { "twoGbMaxExtentFlat", "ntfs", [33, 1200, 1234, 1235, 1236, 1237], 64 << 10 },
        { "monolithicFlat", "ntfs", [], 64 << 10 },
        // All extents in one file, one after the other and with room between them.
        { "custom", "fat16", [97, 181, 399], 0 },
    };

    [Theory]
    [MemberData(nameof(Layouts))]
    public void A_power_cut_leaves_the_old_tree_or_the_new_one_in_all_files(string subformat, string type, int[] lengths, long freshLimit)
    {
        var set = new ExtentSet(subformat, [.. lengths, DiskSectors - lengths.Sum()]);
        var ground = set.Ground(type);
        var (points, written) = (0, 0);
        foreach (var (name, edit) in ContainerEdits.All)
        {
            var states = new List<string> { set.Outline(set.Join([.. ground.Select(c => new MemoryDevice(c, canWrite: false))]), type) };
            var (limit, every) = type == "ntfs" ? (150, 50) : (900, 24);
            try
            {
                var result = PowerCut.Run(new PowerCutFiles(ground, set.Join), device =>
                {
                    using var container = set.Open(new CommitWatcher(device, () => states.Add(set.Outline(device, type))));
                    using var volume = FileSystemTypes.Find(type)!.OpenForEditing(container.Disk, VolumeOptions.Default);
                    edit(volume);
                    volume.Commit();
                }, (device, point) =>
                {
                    point.AssertAmong(states, set.Outline(device, type));
                }, new PowerCutOptions { Samples = 2, RecoveryEvery = every, Limit = limit, Transaction = new TransactionOptions { FreshLimit = freshLimit } });
                points += result.CrashPoints;
                written = Math.Max(written, result.FilesWritten);
            }
            catch (Exception e)
            {
                Assert.Fail($"{name}: {e}");
            }
        }
        output.WriteLine($"{type} in a {subformat} VMDK of {lengths.Length + 1} extents: {ContainerEdits.All.Length} edits, {points} crash points, up to {written} files written to");
        Assert.True(points > 100);
        Assert.True(written >= Math.Min(set.FileCount, 3), $"an edit wrote to {written} files of {set.FileCount}");
    }

    /// <summary>The files of a VMDK, in memory: the descriptor, then those that hold extents.</summary>
    private sealed class ExtentSet
    {
        private readonly List<(string Name, int Sectors)> _files = [];
        private readonly string _descriptor;

        internal ExtentSet(string subformat, int[] sectors)
        {
            var lines = new StringBuilder();
            var shared = subformat == "custom";
            var at = 0;
            for (var i = 0; i < sectors.Length; i++)
            {
                var name = subformat == "monolithicFlat" ? "a-flat.vmdk" : shared ? "all.vmdk" : $"a-f{i + 1:D3}.vmdk";
                lines.Append(CultureInfo.InvariantCulture, $"RW {sectors[i]} FLAT \"{name}\" {(shared ? at : 0)}\n");
                at += sectors[i] + 3;
                if (!shared)
                    _files.Add((name, sectors[i]));
            }
            if (shared)
                _files.Add(("all.vmdk", at - 3));
            _descriptor = $"# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"{subformat}\"\n\n# Extent description\n{lines}\n"
                + "# The Disk Data Base\n#DDB\nddb.adapterType = \"ide\"\n";
        }

        internal int FileCount => _files.Count + 1;

        internal List<byte[]> Ground(string type)
        {
            var contents = new List<byte[]> { Encoding.ASCII.GetBytes(_descriptor) };
            contents.AddRange(_files.Select(f => new byte[f.Sectors * Sector]));
            using var joined = Join([.. contents.Select(c => new MemoryDevice(c))]);
            using var container = Open(joined);
            Assert.Equal((long)DiskSectors * Sector, container.Disk.Length);
            ContainerEdits.Fill(container.Disk, type);
            return contents;
        }

        internal JoinedFiles Join(IReadOnlyList<BlockDevice> files) => new(files[0], [.. files.Skip(1).Zip(_files, (file, extent) => (file, (long)extent.Sectors * Sector))]);

        // Windows over the device below, as ImageParts makes them over a transaction.
        internal Container Open(BlockDevice joined)
        {
            var open = new Dictionary<string, BlockDevice>(StringComparer.Ordinal);
            var at = 0L;
            foreach (var (name, sectors) in _files)
            {
                open[Path.GetFullPath(name)] = new WindowDevice(joined, at, (long)sectors * Sector);
                at += ((long)sectors * Sector + Journal.PageSize - 1) / Journal.PageSize * Journal.PageSize;
            }
            BlockDevice main = joined is ResizableDevice { CanWrite: true } writable ? new ResizableWindow(writable, at) : new WindowDevice(joined, at, joined.Length - at);
            return Container.Open(main, ImageNeighbours.Of(ImagePath).With(open));
        }

        internal string Outline(BlockDevice joined, string type)
        {
            // The windows are the container's to dispose; what is below them isn't.
            using var container = Open(joined);
            return ContainerEdits.Outline(container, type);
        }
    }
}
