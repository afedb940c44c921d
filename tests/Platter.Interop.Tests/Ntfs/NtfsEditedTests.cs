using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Ntfs;

/// <summary>Volumes that Platter edited, before and after others: ntfs-3g through FUSE, and the kernel's ntfs3, read them and write to them.</summary>
public class NtfsEditedTests
{
    private static readonly string[] Streams = ["numbers:second", "many:of a directory"];

    // What both drivers do to the tree of Fill.
    private const string Work = """
        set -e
        i=0; while [ $i -lt 900 ]; do rm "many/a name of some length $i"; i=$((i+3)); done
        i=0; while [ $i -lt 500 ]; do : > "many/another name $i"; i=$((i+1)); done
        mv nested/a nested/b; cat numbers >> woven; printf 'over' | dd of=numbers bs=1 seek=100000 conv=notrunc 2>/dev/null
        truncate -s 1000 sparse; rm hard; mkdir new; i=0; while [ $i -lt 200 ]; do printf '%d' $i > new/$i; i=$((i+1)); done
        rm -r few; sync
        """;

    [Theory]
    [InlineData("-c 512")]
    [InlineData("-c 4096")]
    [InlineData("-c 65536")]
    [InlineData("-s 4096 -c 4096")]
    [InlineData("-s 4096 -c 2097152")]
    public void What_Platter_wrote_ntfs_3g_reads_and_goes_on_with(string arguments)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 192 << 20, arguments);
        InTurns(path);
    }

    /// <summary>Records of 4 KiB on sectors of 512 bytes, which mkntfs does not make.</summary>
    [Theory]
    [InlineData(512, 4096, 4096)]
    [InlineData(512, 2 << 20, 4096)]
    [InlineData(4096, 65536, 4096)]
    public void What_Platter_wrote_into_large_records_ntfs_3g_reads_and_goes_on_with(int sector, int cluster, int record)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Format(path, sector, cluster, record);
        InTurns(path);
    }

    private static void InTurns(string path)
    {
        Edit(path, Fill);
        Compare(path, Streams);
        Assert.Equal("dir/deep", Ntfs3g.Run(path, "readlink relative").Trim());
        Assert.Equal("40", Ntfs3g.Run(path, "ls absolute/ > /dev/null; stat -L -c %s few/4").Trim());
        Assert.Equal("character special file 5 12c", Ntfs3g.Run(path, "stat -c '%F %t %T' c").Trim());
        Ntfs3g.Run(path, Work);
        Edit(path, GoOn);
        Compare(path, Streams);
    }

    /// <summary>A tree that is copied into the root: each name is looked up, and the file made at once.</summary>
    [Theory]
    [InlineData("-c 512", true)]
    [InlineData("-c 4096", false)]
    public void Thousands_of_names_in_the_root_are_read_by_ntfs_3g_which_goes_on_with_them(string arguments, bool isShuffled)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 64 << 20, arguments);
        var names = Enumerable.Range(0, 3000).Select(i => $"a name of some length {i}").Order(StringComparer.Ordinal).ToArray();
        if (isShuffled)
            new Random(3000).Shuffle(names);
        Edit(path, v => Copy(v, names));
        Compare(path);
        Tool.Expect("ntfsinfo", "-m", path);
        Assert.Equal(names.Length, Tool.Expect("ntfsls", path).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Ntfs3g.Run(path, """
            set -e
            i=0; while [ $i -lt 3000 ]; do rm "a name of some length $i"; i=$((i+3)); done
            i=0; while [ $i -lt 800 ]; do : > "another name $i"; i=$((i+1)); done
            """);
        Compare(path);
        Edit(path, v => Copy(v, [.. Enumerable.Range(0, 800).Select(i => $"and another name {i}")]));
        Compare(path);

        static void Copy(EditableVolume volume, string[] names)
        {
            for (var i = 0; i < names.Length; i++)
            {
                Assert.False(volume.TryLookup(volume.RootId, names[i], out _));
                Create(volume, volume.RootId, names[i], i % 10 == 0 ? i : 0);
            }
        }
    }

    [Fact]
    public void What_Platter_wrote_the_kernel_reads_and_goes_on_with()
    {
        using var folder = new TempFolder();
        var paths = new List<string>();
        foreach (var arguments in new[] { "-c 512", "-c 4096", "-c 65536" })
        {
            var path = folder.File($"{paths.Count}.img");
            Ntfs3g.Make(path, 96 << 20, arguments);
            Edit(path, Fill);
            paths.Add(path);
        }
        foreach (var (cluster, record) in new[] { (4096, 4096), (2 << 20, 1024), (2 << 20, 4096) })
        {
            var path = folder.File($"{paths.Count}.img");
            Format(path, 512, cluster, record);
            Edit(path, Fill);
            paths.Add(path);
        }
        Look(paths);
        foreach (var report in KernelMount.Run([.. paths.Select(p => new KernelMount.Image(p, "ntfs3"))], new KernelMount.Options { Script = Work, Keep = true }))
            Assert.True(report.IsOk, report.Error + report.ScriptOutput);
        foreach (var path in paths)
            Edit(path, GoOn);
        Look(paths);
    }

    [Theory]
    [InlineData("-c 512")]
    [InlineData("-c 4096")]
    public void What_is_written_into_a_compressed_directory_is_compressed_and_ntfs_3g_unpacks_it(string arguments)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 48 << 20, arguments);
        Ntfs3g.Run(path, "mkdir packed; setfattr -h -n system.ntfs_attrib_be -v 0x00000810 packed; seq 1 40000 > packed/theirs; head -c 300000 /dev/zero >> packed/theirs");
        var random = new Random(arguments.Length);
        var model = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        for (var round = 0; round < 3; round++)
        {
            Edit(path, v =>
            {
                var packed = v.Find("/packed").Id;
                if (!v.TryFind("/packed/ours", out _))
                {
                    v.CreateFile(packed, "ours", MetadataChange.None);
                    v.CreateFile(v.CreateDirectory(packed, "below", MetadataChange.None), "small", new MemoryStream(Text(400)), null, MetadataChange.None);
                    (model["ours"], model["theirs"]) = ([], Bytes(v, "/packed/theirs"));
                }
                foreach (var name in new[] { "ours", "theirs" })
                {
                    using var stream = v.OpenWrite(v.Find("/packed/" + name).Id, StreamName.Data);
                    for (var i = 0; i < 25; i++)
                        Change(stream, model, name);
                }
            });
            using (var device = HostFile.Open(path, FileAccess.Read))
            using (var volume = NtfsVolume.Open(device, VolumeOptions.Default))
            {
                Assert.Equal(model["ours"], Bytes(volume, "/packed/ours"));
                Assert.Equal(model["theirs"], Bytes(volume, "/packed/theirs"));
                Assert.True(volume.OpenFile(volume.Find("/packed/ours").Id).Open(NtfsAttributeType.Data)!.IsCompressed);
                Assert.InRange(volume.Find("/packed/ours").Metadata.AllocatedLength!.Value, 1, model["ours"].Length * 9L / 10);
            }
            Compare(path);
        }

        void Change(VolumeStream stream, Dictionary<string, byte[]> files, string name)
        {
            var bytes = files[name];
            if (random.Next(6) == 0)
            {
                Array.Resize(ref bytes, random.Next(2 * bytes.Length + 5000));
                stream.SetLength(bytes.Length);
            }
            else
            {
                var data = random.Next(4) switch
                {
                    0 => ConformanceCase.Bytes(random.Next(1, 30_000), random.Next()), 1 => new byte[random.Next(1, 150_000)], _ => Text(random.Next(1, 120_000)),
                };
                var offset = random.Next(bytes.Length + 100_000);
                Array.Resize(ref bytes, Math.Max(bytes.Length, offset + data.Length));
                data.CopyTo(bytes, offset);
                stream.WriteAt(offset, data);
            }
            files[name] = bytes;
        }
    }

    private static void Format(string path, int sector, int cluster, int record)
    {
        using var device = HostFile.Create(path, Math.Max(192L << 20, 120L * cluster));
        NtfsFormatter.Format(device, new FormatOptions { Type = "ntfs", Options = new NtfsSizesOfVolume(sector, cluster, record).Options });
    }

    private static byte[] Text(int length) => [.. string.Concat(Enumerable.Range(0, length / 4 + 1).Select(i => $"{i * 7}\n")).Take(length).Select(c => (byte)c)];

    private static byte[] Bytes(Volume volume, string path)
    {
        using var stream = volume.OpenRead(volume.Find(path).Id, StreamName.Data);
        var bytes = new byte[stream.Length];
        stream.ReadAt(0, bytes);
        return bytes;
    }

    private static void Look(List<string> paths)
    {
        var reports = KernelMount.Run([.. paths.Select(p => new KernelMount.Image(p, "ntfs3"))]);
        foreach (var (path, report) in paths.Zip(reports))
        {
            report.AssertClean();
            using var device = HostFile.Open(path, FileAccess.Read);
            using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
            var problems = new List<string>();
            var own = NtfsListing.Read(volume, problems);
            Assert.Empty(problems);
            foreach (var (name, line) in own)
            {
                // Streams are not listed, and what is special the kernel shows as files: its ntfs3 knows the WSL kinds alone.
                if (line.Kind is not ("f" or "d"))
                    continue;
                Assert.True(report.Tree.Entries.TryGetValue(name, out var seen), $"{name} is not seen");
                Assert.Equal(line.Kind == "d" ? EntryKind.Directory : EntryKind.File, seen.Kind);
                if (line.Kind == "f")
                    Assert.Equal((name, line.Length, line.Hash), (name, seen.Length.ToString(), seen.Sha256));
            }
        }
    }

    private static void Compare(string path, params string[] streams)
    {
        var expected = Ntfs3g.List(path, streams);
        using var device = HostFile.Open(path, FileAccess.Read);
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        var problems = new List<string>();
        var found = NtfsListing.Read(volume, problems);
        foreach (var name in found.Where(f => f.Value.Kind == "l").Select(f => f.Key).ToList())
        {
            // ntfs-3g makes paths on the host of what Windows would follow.
            found.Remove(name);
            Assert.True(expected.Remove(name), $"{name} is not seen");
        }
        var differences = NtfsListing.Differences(expected, found);
        Assert.True(differences.Count == 0 && problems.Count == 0, string.Join('\n', differences.Take(20)) + "\n" + string.Join('\n', problems.Take(20)));
        Tool.Expect("ntfsfix", "-n", path);
        Check(device);
    }

    private static void Edit(string path, Action<EditableVolume> edit)
    {
        using var device = HostFile.Open(path, FileAccess.ReadWrite);
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            edit(volume);
            volume.Commit();
        }
        Check(device);
    }

    private static void Check(BlockDevice device)
    {
        var report = new NtfsType().Check(device, CheckOptions.Default);
        Assert.True(report.IsClean, string.Join('\n', report.Findings.Take(20)));
    }

    private static void Fill(EditableVolume v)
    {
        var many = v.CreateDirectory(v.RootId, "many", MetadataChange.None);
        for (var i = 0; i < 1200; i++)
            v.CreateFile(many, $"a name of some length {i}", MetadataChange.None);
        var few = v.CreateDirectory(v.RootId, "few", MetadataChange.None);
        for (var i = 0; i < 12; i++)
            Create(v, few, $"{i}", 10 * i);
        var nested = v.CreateDirectory(v.CreateDirectory(v.CreateDirectory(v.RootId, "nested", MetadataChange.None), "a", MetadataChange.None), "b", MetadataChange.None);
        Create(v, nested, "file", 100);
        v.CreateHardLink(Create(v, v.RootId, "tiny", 4), v.RootId, "hard");
        for (var i = 0; i < 60; i++)
            v.CreateHardLink(v.Find("/tiny").Id, few, $"link to a file with a longer name {i}");
        Create(v, v.RootId, "zero", 0);
        Create(v, v.RootId, "hundred", 100);
        Create(v, v.RootId, "name with spaces", 700);
        Create(v, v.RootId, "Ünïcödé 名前", 1);
        var numbers = Create(v, v.RootId, "numbers", 350_000);
        Stream(v, numbers, StreamName.Named("second"), 0, 170_000);
        Stream(v, many, StreamName.Named("of a directory"), 0, 40);
        var sparse = Create(v, v.RootId, "sparse", 0);
        Stream(v, sparse, StreamName.Data, 5_000_000, 3);
        Stream(v, sparse, StreamName.Data, 2_500_000, 6);
        var (woven, other) = (Create(v, v.RootId, "woven", 0), Create(v, v.RootId, "woven2", 0));
        for (var i = 0; i < 60; i++)
        {
            Stream(v, woven, StreamName.Data, i * 5000, 5000);
            Stream(v, other, StreamName.Data, i * 7000, 7000);
        }
        v.CreateDirectory(v.CreateDirectory(v.RootId, "dir", MetadataChange.None), "deep", MetadataChange.None);
        v.CreateSymbolicLink(v.RootId, "relative", "dir/deep", MetadataChange.None);
        v.CreateSymbolicLink(v.RootId, "absolute", "/many", MetadataChange.None);
        v.CreateSpecial(v.RootId, "c", EntryKind.CharacterDevice, new DeviceNumber(5, 300), MetadataChange.None);
        v.CreateSpecial(v.RootId, "p", EntryKind.Fifo, default, MetadataChange.None);
        v.SetExtendedAttribute(numbers, "user.colour", ConformanceCase.Bytes(900));
        v.SetLabel("Edited");
    }

    private static void GoOn(EditableVolume v)
    {
        for (var i = 1; i < 900; i += 3)
            v.Delete(v.Find("/many").Id, $"a name of some length {i}");
        for (var i = 0; i < 100; i++)
            Create(v, v.Find("/new").Id, $"and more {i}", i * 50);
        Stream(v, v.Find("/woven").Id, StreamName.Data, 3000, 400_000);
        using (var stream = v.OpenWrite(v.Find("/numbers").Id, StreamName.Data))
            stream.SetLength(200_000);
        v.Delete(v.RootId, "woven2");
        v.Rename(v.Find("/nested/b").Id, "b", v.RootId, "up", replace: false);
    }

    private static NodeId Create(EditableVolume v, NodeId parent, string name, int length) =>
        v.CreateFile(parent, name, new MemoryStream(ConformanceCase.Bytes(length, name.Length)), length, MetadataChange.None);

    private static void Stream(EditableVolume v, NodeId id, StreamName name, long offset, int length)
    {
        using var stream = v.OpenWrite(id, name);
        stream.WriteAt(offset, ConformanceCase.Bytes(length, length));
    }
}
