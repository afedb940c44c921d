using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing;

namespace Platter.Interop.Tests.Fat;

/// <summary>A volume that was sound, with one to three random changes to its structures.</summary>
internal sealed record DamagedVolume(byte[] Bytes, string What)
{
    /// <summary>Sound volumes of every width, made by mkfs.vfat and by our formatter and filled by mtools.</summary>
    public static IReadOnlyList<byte[]> MakeBases(TempFolder folder)
    {
        var source = Directory.CreateDirectory(folder.File("tree")).FullName;
        Fill(source);
        var bases = new List<byte[]>();
        foreach (var (width, length, ours) in new[] { (12, 1 << 20, false), (16, 3 << 20, false), (32, 34 << 20, false), (12, 1440 << 10, true), (16, 3 << 20, true) })
        {
            var path = folder.File($"base{bases.Count}.img");
            using (var file = HostFile.Create(path, length))
            {
                if (ours)
                    FatFormatter.Format(file, new FormatOptions { Type = "fat" + width, Label = "SOUND" });
            }
            if (!ours)
                Tool.Expect("mkfs.vfat", "--invariant", "-F", width.ToString(), "-s", "1", "-n", "SOUND", path);

            // One directory at a time, in order: mcopy -s would take them as the host lists them, and seeds would mean nothing.
            foreach (var directory in Directory.GetDirectories(source, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
                Tool.Expect("mmd", "-i", path, "::/" + Path.GetRelativePath(source, directory));
            foreach (var files in Directory.GetFiles(source, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).GroupBy(f => Path.GetRelativePath(source, Path.GetDirectoryName(f)!)))
                Tool.Expect("mcopy", ["-m", "-i", path, .. files, "::/" + files.Key]);
            Tool.Expect("fsck.vfat", "-n", path);
            bases.Add(File.ReadAllBytes(path));
        }
        return bases;
    }

    public static DamagedVolume Make(IReadOnlyList<byte[]> bases, int seed)
    {
        var random = new Random(seed);
        var number = random.Next(bases.Count);
        var bytes = (byte[])bases[number].Clone();
        var geometry = FatGeometry.Read(new MemoryDevice(bytes));
        var what = new List<string> { $"base {number}" };
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            what.Add(random.Next(10) switch
            {
                0 => DamageBoot(bytes, geometry, random),
                1 or 2 or 3 => DamageFat(bytes, geometry, random),
                _ => DamageSlot(bytes, geometry, random),
            });
        }
        return new DamagedVolume(bytes, string.Join(", ", what));
    }

    /// <summary>Writes the image, as a hole behind the last byte that is not 0.</summary>
    public void Save(string path)
    {
        using var file = File.Create(path);
        file.Write(Bytes.AsSpan(0, Bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1));
        file.SetLength(Bytes.Length);
    }

    private static void Fill(string folder)
    {
        var random = new Random(42);
        void File(string name, int length)
        {
            var content = new byte[length];
            random.NextBytes(content);
            System.IO.File.WriteAllBytes(Path.Combine(folder, name), content);
        }
        Directory.CreateDirectory(Path.Combine(folder, "SUB", "deeper directory", "deepest"));
        Directory.CreateDirectory(Path.Combine(folder, "many"));
        File("EMPTY", 0);
        File("ONE.BYT", 1);
        File("a rather long name of a file.text", 5000);
        File("SUB/CLUSTER.BIN", 2048);
        File("SUB/deeper directory/content", 20000);
        File("SUB/deeper directory/deepest/x", 700);
        for (var i = 0; i < 40; i++)
            File($"many/file number {i}.dat", random.Next(3000));
    }

    private static string DamageBoot(byte[] bytes, FatGeometry geometry, Random random)
    {
        if (geometry.Width == FatWidth.Fat32 && random.Next(2) == 0)
        {
            // The fields of the information sector that mean something.
            int[] fields = [0, 0x1E4, 0x1E8, 0x1EC, 0x1FC];
            var field = geometry.InfoSector * 512 + fields[random.Next(fields.Length)] + random.Next(4);
            bytes[field] ^= (byte)(1 << random.Next(8));
            return $"information sector at 0x{field:X}";
        }
        var at = random.Next(0x0B, geometry.Width == FatWidth.Fat32 ? 0x5A : 0x3E);
        bytes[at] ^= (byte)(1 << random.Next(8));
        return $"boot sector at 0x{at:X}";
    }

    private static string DamageFat(byte[] bytes, FatGeometry geometry, Random random)
    {
        // Mostly among the clusters in use, which are the first ones.
        var cluster = (uint)random.Next(0, random.Next(5) == 0 ? (int)geometry.ClusterCount + 2 : 200);
        var value = random.Next(7) switch
        {
            0 => 0u,
            1 => 1u,
            2 => 0x0FFFFFF7u,
            3 => 0x0FFFFFFFu,
            4 => (uint)random.Next(2, (int)geometry.ClusterCount + 2),
            5 => (uint)random.Next(2, 200),
            _ => (uint)random.Next() & 0x0FFFFFFF,
        };
        var copies = random.Next(4) == 0 ? 1 : geometry.FatCount;
        var volume = new SoundVolume(bytes, geometry);
        for (var fat = 0; fat < copies; fat++)
            volume.SetEntry(fat, cluster, value);
        return $"FAT entry {cluster} = 0x{value:X} in {copies} copies";
    }

    private static string DamageSlot(byte[] bytes, FatGeometry geometry, Random random)
    {
        // A slot in use, in the root or in one of the first clusters that look like a directory.
        var slots = new List<int>();
        var root = (int)(geometry.RootCluster == 0 ? geometry.RootOffset : geometry.ClusterOffset(geometry.RootCluster));
        AddSlots(bytes, root, geometry.RootCluster == 0 ? geometry.RootLength : geometry.ClusterSize, slots);
        for (var cluster = 2u; cluster < 250; cluster++)
        {
            var offset = (int)geometry.ClusterOffset(cluster);
            if (bytes.AsSpan(offset, 11).SequenceEqual(".          "u8))
                AddSlots(bytes, offset, geometry.ClusterSize, slots);
        }
        var slot = slots[random.Next(slots.Count)];

        // The fields that decide something, more often than the rest.
        int[] fields = [0x00, 0x0B, 0x0C, 0x0D, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x14, 0x01, 0x08];
        var at = slot + (random.Next(3) == 0 ? random.Next(32) : fields[random.Next(fields.Length)]);
        bytes[at] = random.Next(4) switch { 0 => 0, 1 => 0xE5, 2 => (byte)random.Next(256), _ => (byte)(bytes[at] ^ 1 << random.Next(8)) };
        return $"slot at 0x{slot:X} + 0x{at - slot:X}";
    }

    private static void AddSlots(byte[] bytes, int offset, int length, List<int> slots)
    {
        for (var at = offset; at < offset + length && bytes[at] != 0; at += 32)
            slots.Add(at);
    }
}
