using System.Text;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Ntfs;

/// <summary>What Platter stores in one of several forms (special files, links, compressed and sparse content, descriptors), as ntfs-3g and the kernel's
/// ntfs3 take it.</summary>
public class NtfsFormTests
{
    private static readonly EntryKind[] Kinds = [EntryKind.CharacterDevice, EntryKind.BlockDevice, EntryKind.Fifo, EntryKind.Socket];

    [Theory]
    [InlineData(SpecialFileForm.Wsl)]
    [InlineData(SpecialFileForm.Interix)]
    public void Special_files_are_such_for_ntfs_3g(SpecialFileForm form)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 16 << 20);
        Edit(path, VolumeOptions.Default with { SpecialFiles = form }, MakeSpecial);
        Assert.Equal("""
            BlockDevice block special file 103 3e8
            CharacterDevice character special file 5 12c
            Fifo fifo 0 0
            Socket socket 0 0

            """.ReplaceLineEndings("\n"), Ntfs3g.Run(path, "stat -c '%n %F %t %T' BlockDevice CharacterDevice Fifo Socket"));
        Ntfs3g.Run(path, "rm Fifo; mv Socket moved; rm BlockDevice");
        Check(path);
    }

    [Fact]
    public void Links_and_junctions_are_followed_by_ntfs_3g()
    {
        using var folder = new TempFolder();
        foreach (var form in Enum.GetValues<SymbolicLinkForm>())
        {
            var path = folder.File($"{form}.img");
            Ntfs3g.Make(path, 16 << 20);
            Edit(path, VolumeOptions.Default with { SymbolicLinks = form }, MakeLinks);
            var script = "cat relative/file junction/file; readlink relative; readlink odd";
            if (form is SymbolicLinkForm.Windows or SymbolicLinkForm.Junction)
                script += "; cat absolute/file";
            Assert.Equal("in it\nin it\ndir\nwith:colon\n" + (script.Contains("absolute", StringComparison.Ordinal) ? "in it\n" : ""), Ntfs3g.Run(path, script));
            Check(path);
        }
    }

    [Fact]
    public void Special_files_and_permissions_of_WSL_are_such_for_the_kernel()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 16 << 20);
        Edit(path, VolumeOptions.Default with { WslMetadata = true }, volume =>
        {
            MakeSpecial(volume);
            MakeLinks(volume);
            volume.CreateFile(volume.RootId, "owned", new MemoryStream([1, 2, 3]), 3, new MetadataChange { Mode = 0x1A0, UserId = 1000, GroupId = 100 });
        });
        var report = KernelMount.Run(new KernelMount.Image(path, "ntfs3"), new KernelMount.Options { Script = "mknod theirs c 5 300; mkfifo pipe; sync", Keep = true });
        report.AssertClean();
        // The numbers of devices ntfs3 looks for in a form of its own, which Platter reads, and does not find those of WSL.
        foreach (var kind in Kinds)
        {
            var seen = report.Tree.Entries[$"/{kind}"];
            Assert.Equal((kind, "0660 7:8"), (seen.Kind, Posix($"{kind}")));
        }
        var owned = report.Tree.Entries["/owned"];
        Assert.Equal((EntryKind.File, "0640 1000:100", (long?)3), (owned.Kind, Posix("owned"), owned.Length));
        Assert.Equal((EntryKind.SymbolicLink, "dir"), (report.Tree.Entries["/relative"].Kind, report.Tree.Entries["/relative"].Target));
        Assert.Equal(EntryKind.SymbolicLink, report.Tree.Entries["/junction"].Kind);

        using var device = HostFile.Open(path, FileAccess.Read);
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        Assert.Equal((EntryKind.CharacterDevice, new DeviceNumber(5, 300)), (volume.Find("/theirs").Metadata.Kind, volume.Find("/theirs").Metadata.Device));
        Assert.Equal(EntryKind.Fifo, volume.Find("/pipe").Metadata.Kind);

        // The snapshot leaves these out on NTFS, since most files have none there.
        string Posix(string name)
        {
            var entry = report.Json.GetProperty("entries").EnumerateArray().Single(e => e.GetProperty("path").GetString() == name);
            return $"{entry.GetProperty("mode").GetString()} {entry.GetProperty("uid").GetUInt32()}:{entry.GetProperty("gid").GetUInt32()}";
        }
    }

    [Fact]
    public void Compressed_and_sparse_content_in_every_length_is_read_by_ntfs_3g_and_the_kernel_and_theirs_by_Platter()
    {
        using var folder = new TempFolder();
        var paths = new List<string>();
        foreach (var cluster in new[] { 512, 1024, 4096 })
        {
            var path = folder.File($"{cluster}.img");
            Ntfs3g.Make(path, 64 << 20, $"-c {cluster}");
            Edit(path, VolumeOptions.Default, volume => FillCompressed(volume, cluster * 16));
            Compare(path);
            paths.Add(path);
        }
        var reports = KernelMount.Run([.. paths.Select(p => new KernelMount.Image(p, "ntfs3"))]);
        foreach (var (path, report) in paths.Zip(reports))
        {
            report.AssertClean();
            foreach (var (name, line) in List(path).Where(l => l.Value.Kind == "f"))
                Assert.Equal((name, line.Length, line.Hash), (name, report.Tree.Entries[name].Length.ToString(), report.Tree.Entries[name].Sha256));
        }
        foreach (var path in paths)
        {
            // ntfs-3g goes on in what Platter compressed, and Platter in what that made of it.
            Ntfs3g.Run(path, """
                cd packed; for f in *; do seq 1 3000 >> "$f"; done
                seq 1 9000 > theirs; printf 'over' | dd of='text 65537' bs=1 seek=30000 conv=notrunc 2>/dev/null; rm 'zeros 65536'
                """);
            Compare(path);
            Edit(path, VolumeOptions.Default, volume =>
            {
                foreach (var entry in volume.Enumerate(volume.Find("/packed").Id).ToList())
                {
                    using var stream = volume.OpenWrite(entry.Id, StreamName.Data);
                    stream.WriteAt(stream.Length / 2, Text(20_000));
                    stream.PunchHole(stream.Length / 3, 70_000);
                }
                volume.SetMetadata(volume.Find("/packed/theirs").Id, new MetadataChange { Compressed = false });
            });
            Compare(path);
        }
    }

    [Fact]
    public void Descriptors_past_the_first_256_KiB_are_found_by_ntfs_3g_which_adds_its_own()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 32 << 20);
        var texts = new List<string>();
        Edit(path, VolumeOptions.Default, volume =>
        {
            for (var i = 0; i < 1500; i++)
            {
                var text = "O:BAG:SYD:PAI" + string.Concat(Enumerable.Range(0, 8).Select(k => $"(A;;FA;;;S-1-5-21-{i}-{k}-3-{1000 + i})"));
                texts.Add(text);
                volume.SetExtendedAttribute(volume.CreateFile(volume.RootId, $"{i}", MetadataChange.None), "system.ntfs_security", Encoding.UTF8.GetBytes(text));
            }
        });
        using (var device = HostFile.Open(path, FileAccess.Read))
        using (var volume = NtfsVolume.Open(device, VolumeOptions.Default))
        {
            var length = volume.OpenSystemFile(NtfsMft.SecureRecord).Open(NtfsAttributeType.Data, NtfsSecure.StreamName)!.Length;
            Assert.InRange(length, 512 << 10, long.MaxValue);
        }
        Audit();
        var seen = Ntfs3g.Run(path, "for i in 0 700 1000 1499; do getfattr -h -e hex --only-values -n system.ntfs_acl $i | od -An -v -tx1 | tr -d ' \\n'; echo; done").Split('\n');
        int[] looked = [0, 700, 1000, 1499];
        for (var i = 0; i < looked.Length; i++)
            Assert.Equal(Convert.ToHexStringLower(Sddl.Parse(texts[looked[i]])), seen[i]);
        var theirs = Convert.ToHexString(Sddl.Parse("O:BAG:SYD:PAI(A;;FA;;;S-1-5-21-9-9-9-9)"));
        Ntfs3g.Run(path, $"setfattr -h -n system.ntfs_acl -v 0x{theirs} 3; cp 4 new; rm 5");
        Edit(path, VolumeOptions.Default, volume =>
        {
            Assert.Equal(theirs, Convert.ToHexString(volume.Find("/3").Metadata.SecurityDescriptor!));
            for (var i = 0; i < 200; i++)
                volume.SetExtendedAttribute(volume.Find($"/{i + 10}").Id, "system.ntfs_acl", Encoding.UTF8.GetBytes($"O:BAG:SYD:(A;;FA;;;S-1-5-21-1-1-{i}-{i})"));
        });
        Audit();

        void Audit()
        {
            var audit = Tool.Run("ntfssecaudit", "-a", path);
            Assert.Contains("No errors were found", audit.All, StringComparison.Ordinal);
            Check(path);
        }
    }

    // Without what ntfs-3g does in a way of its own: it leaves generic rights of the creator as they are, joins entries, and keeps the mark of those for one level.
    [Fact]
    public void What_is_made_in_a_directory_inherits_what_ntfs_3g_lets_it_inherit()
    {
        string[] lists =
        [
            "D:PAI(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)(A;CI;LC;;;BU)(A;CIIO;DC;;;AU)", "D:(A;OICI;FR;;;WD)", "D:(A;OI;FR;;;WD)(A;;FA;;;BA)",
            "D:AI(D;OICI;WD;;;AN)(A;OI;GRGX;;;WD)(A;OICI;FR;;;BU)", "D:(A;OIIO;FX;;;LS)(A;CI;FW;;;NS)(A;OI;FR;;;SY)",
        ];
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 32 << 20);
        Edit(path, VolumeOptions.Default, volume =>
        {
            for (var i = 0; i < lists.Length; i++)
            {
                var directory = volume.CreateDirectory(volume.RootId, $"{i}", MetadataChange.None);
                volume.SetExtendedAttribute(directory, "system.ntfs_security", Encoding.UTF8.GetBytes("O:BAG:BA" + lists[i]));
                volume.CreateFile(directory, "ours", MetadataChange.None);
                volume.CreateDirectory(directory, "our directory", MetadataChange.None);
            }
        });
        // It inherits where it knows some user.
        File.WriteAllText(folder.File("users"), "1000::S-1-5-21-1-2-3-1000\n:1000:S-1-5-21-1-2-3-513\n");
        Ntfs3g.Run(path, $"for i in {string.Join(' ', Enumerable.Range(0, lists.Length))}; do touch $i/theirs; mkdir \"$i/their directory\"; done", $"permissions,inherit,usermapping={folder.File("users")}");
        using var device = HostFile.Open(path, FileAccess.Read);
        using var read = NtfsVolume.Open(device, VolumeOptions.Default);
        for (var i = 0; i < lists.Length; i++)
        {
            Assert.Equal(List($"/{i}/theirs"), List($"/{i}/ours"));
            Assert.Equal(List($"/{i}/their directory"), List($"/{i}/our directory"));
            Assert.True(NtfsInheritance.IsInherited(Descriptor($"/{i}"), Descriptor($"/{i}/theirs"), isDirectory: false));
            Assert.True(NtfsInheritance.IsInherited(Descriptor($"/{i}"), Descriptor($"/{i}/their directory"), isDirectory: true));
        }

        byte[] Descriptor(string file) => read.Find(file).Metadata.SecurityDescriptor!;

        string List(string file)
        {
            var text = Sddl.Format(Descriptor(file))!;
            return $"{file[..2]} {text[text.IndexOf("D:", StringComparison.Ordinal)..]}";
        }
    }

    private static DeviceNumber NumbersOf(EntryKind kind) => kind == EntryKind.CharacterDevice ? new DeviceNumber(5, 300) : new DeviceNumber(259, 1000);

    private static void MakeSpecial(EditableVolume volume)
    {
        var asWsl = volume.Capabilities.Has(Features.Owner);
        foreach (var kind in Kinds)
            volume.CreateSpecial(volume.RootId, kind.ToString(), kind, NumbersOf(kind), asWsl ? new MetadataChange { Mode = 0x1B0, UserId = 7, GroupId = 8 } : MetadataChange.None);
    }

    private static void MakeLinks(EditableVolume volume)
    {
        var directory = volume.CreateDirectory(volume.RootId, "dir", MetadataChange.None);
        volume.CreateFile(directory, "file", new MemoryStream("in it\n"u8.ToArray()), 6, MetadataChange.None);
        volume.CreateSymbolicLink(volume.RootId, "relative", "dir", MetadataChange.None);
        volume.CreateSymbolicLink(volume.RootId, "absolute", "/dir", MetadataChange.None);
        volume.CreateSymbolicLink(volume.RootId, "odd", "with:colon", MetadataChange.None);
        ((NtfsEditableVolume)volume).CreateJunction(volume.RootId, "junction", "/dir", 'C', MetadataChange.None);
    }

    private static void FillCompressed(EditableVolume volume, int unit)
    {
        var packed = volume.CreateDirectory(volume.RootId, "packed", new MetadataChange { Compressed = true });
        foreach (var length in new[] { 1, 700, unit - 1, unit, unit + 1, 2 * unit, 65_535, 65_536, 65_537, 3 * 65_536 + 4096, 1_500_000 }.Distinct())
        {
            Make($"text {length}", Text(length));
            Make($"random {length}", ConformanceCase.Bytes(length, length));
            Make($"zeros {length}", new byte[length]);
            Make($"mixed {length}", [.. Text(length / 3), .. new byte[length / 3], .. ConformanceCase.Bytes(length - 2 * (length / 3), 5)]);
        }
        // Written in pieces, over what is there, cut, lengthened, punched.
        var random = new Random(unit);
        for (var i = 0; i < 6; i++)
        {
            using var stream = volume.OpenWrite(volume.CreateFile(packed, $"edited {i}", MetadataChange.None), StreamName.Data);
            for (var step = 0; step < 25; step++)
            {
                switch (random.Next(5))
                {
                    case 0: stream.SetLength(random.Next(300_000)); break;
                    case 1: stream.PunchHole(random.Next((int)stream.Length + 1), random.Next(150_000)); break;
                    case 2: stream.WriteAt(random.Next((int)stream.Length + 100_000), ConformanceCase.Bytes(random.Next(1, 50_000), step)); break;
                    default: stream.WriteAt(random.Next((int)stream.Length + 1), Text(random.Next(1, 120_000))); break;
                }
            }
        }
        // Compressed and unpacked afterwards, sparse and no more.
        var plain = volume.CreateDirectory(volume.RootId, "plain", MetadataChange.None);
        foreach (var (name, first, then) in new (string, MetadataChange, MetadataChange?)[]
        {
            ("packed", new() { Compressed = true }, null), ("unpacked", new() { Compressed = true }, new() { Compressed = false }),
            ("sparse", new() { Sparse = true }, null), ("filled", new() { Sparse = true }, new() { Sparse = false }), ("both", new() { Sparse = true, Compressed = true }, null),
        })
        {
            var id = volume.CreateFile(plain, name, new MemoryStream([.. Text(200_000), .. new byte[200_000], .. Text(50_000)]), null, MetadataChange.None);
            volume.SetMetadata(id, first);
            using (var stream = volume.OpenWrite(id, StreamName.Data))
                stream.PunchHole(220_000, 150_000);
            if (then is not null)
                volume.SetMetadata(id, then);
        }

        void Make(string name, byte[] content) => volume.CreateFile(packed, name, new MemoryStream(content), content.Length, MetadataChange.None);
    }

    private static byte[] Text(int length) => [.. string.Concat(Enumerable.Range(0, length / 2 + 1).Select(i => $"{i * 7}\n")).Take(length).Select(c => (byte)c)];

    private static Dictionary<string, NtfsListing.Line> List(string path)
    {
        using var device = HostFile.Open(path, FileAccess.Read);
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        var problems = new List<string>();
        var found = NtfsListing.Read(volume, problems);
        Assert.Empty(problems);
        return found;
    }

    private static void Compare(string path)
    {
        Assert.Empty(NtfsListing.Differences(Ntfs3g.List(path), List(path)));
        Check(path);
    }

    private static void Edit(string path, VolumeOptions options, Action<EditableVolume> edit)
    {
        using (var device = HostFile.Open(path, FileAccess.ReadWrite))
        using (var volume = new NtfsType().OpenForEditing(device, options))
        {
            edit(volume);
            volume.Commit();
        }
        Check(path);
    }

    private static void Check(string path)
    {
        Tool.Expect("ntfsfix", "-n", path);
        using var device = HostFile.Open(path, FileAccess.Read);
        var report = new NtfsType().Check(device, CheckOptions.Default with { ReadData = true });
        Assert.True(report.IsClean, string.Join('\n', report.Findings.Take(20)));
    }
}
