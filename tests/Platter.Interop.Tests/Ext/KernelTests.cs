using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ext;
using Platter.Testing;
using Platter.Testing.Ext;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Ext;

/// <summary>Volumes that Platter made and filled: the kernel reads the same, goes on with them, and e2fsck has nothing to say before and after.</summary>
public sealed class KernelTests
{
    // Every kind of change that counts for somebody: owners, content, names, directories, attributes.
    private const string Script = """
        echo more > from-the-kernel; mkdir kernel; chown 7:8 from-the-kernel small; chown 1234567:4000000000 kernel
        seq 1 20000 > kernel/numbers; chown 9 kernel/numbers; truncate -s 5000 kernel/numbers; rm removed; mv kernel moved/
        setxattr user.added value small; sync
        """;

    [Fact]
    public void Values_in_inodes_of_their_own_are_read_and_changed_by_the_kernel() =>
        Run(null, ["ea_inode", "ea_inode,block_size=1K,inode_size=128,^metadata_csum,^64bit", "ea_inode,bigalloc,metadata_csum_seed,inline_data,inode_size=1K"]);

    /// <summary>For a kernel with the module quota_v2, which kernel-mount's own has not (its setup.sh has the list of modules).</summary>
    [Fact(Explicit = true)]
    public void Quotas_are_kept_by_the_kernel_as_Platter_left_them() => Run("prjquota",
        ["quota,project", "ea_inode,quota,project,block_size=1K", "ea_inode,quota,project,inline_data,orphan_file,inode_size=512", "quota,project,bigalloc", "ea_inode,quota,project,block_size=2K"]);

    private static void Run(string? mountOptions, string[] made)
    {
        using var folder = new TempFolder();
        var images = new List<(string Options, KernelMount.Image Image, TreeSnapshot Tree)>();
        foreach (var options in made)
        {
            var path = folder.File($"{images.Count}.img");
            File.WriteAllBytes(path, []);
            using (var device = HostFile.Open(path, FileAccess.ReadWrite))
            {
                device.SetLength(48 << 20);
                new ExtType().Format(device, new FormatOptions { Type = "ext4", Options = Options(options) });
                using var volume = ExtEditableVolume.Open(device, VolumeOptions.Default);
                ExtEditScript.Run(volume);
                Attributes(volume, options.Contains("ea_inode", StringComparison.Ordinal));
                volume.Commit();
                images.Add((options, new KernelMount.Image(path, "ext4"), TreeSnapshot.Read(volume)));
            }
            Assert.Null(Mke2fs.Complaint(path));
        }
        var reports = KernelMount.Run([.. images.Select(i => i.Image)], new KernelMount.Options { ExtendedAttributes = true, Script = Script, Keep = true, MountOptions = mountOptions });
        foreach (var ((options, image, tree), report) in images.Zip(reports))
        {
            Assert.True(report.IsOk, $"{options}: {report.Error} {report.ScriptOutput}");
            Assert.True(Mke2fs.Complaint(image.Path) is null, $"{options}: {Mke2fs.Complaint(image.Path)}");
            Assert.Empty(tree.DifferencesTo(report.Tree).Where(d => !Touched.Any(t => d.Contains(t, StringComparison.Ordinal))));
            using var device = HostFile.Open(image.Path, FileAccess.ReadWrite);
            Assert.DoesNotContain(new ExtType().Check(device, CheckOptions.Default).Findings, f => f.Severity > Severity.Note);
            using var volume = ExtEditableVolume.Open(device, VolumeOptions.Default);
            report.Tree.AssertSame(TreeSnapshot.Read(volume), options);

            // And back: what the kernel made is changed and removed.
            volume.SetMetadata(volume.Find("/moved/kernel/numbers").Id, new MetadataChange { UserId = 1000, GroupId = 1000 });
            volume.DeleteRecursively(volume.RootId, "moved");
            volume.Delete(volume.RootId, "with values");
            volume.Commit();
            Assert.True(Mke2fs.Complaint(image.Path) is null, $"{options}: {Mke2fs.Complaint(image.Path)}");
        }
    }

    // What the script changes, and the directories that it changes something in.
    private static readonly string[] Touched = ["kernel", "/small", "hard", "removed", "/moved:", " /: "];

    private static void Attributes(ExtEditableVolume volume, bool hasOwnValues)
    {
        var owner = new MetadataChange { UserId = 1000, GroupId = 100 };
        var file = volume.CreateFile(volume.RootId, "with values", new MemoryStream(ConformanceCase.Bytes(70_000)), 70_000, owner);
        var removed = volume.CreateFile(volume.RootId, "removed", new MemoryStream([1, 2, 3]), 3, owner);
        if (!hasOwnValues)
            return;
        foreach (var (name, length) in new[] { ("user.long", 5000), ("trusted.longer", 20_000), ("user.longest", 65_536), ("user.short", 20) })
            volume.SetExtendedAttribute(file, name, ConformanceCase.Bytes(length, length));
        volume.SetExtendedAttribute(removed, "user.long", ConformanceCase.Bytes(9000));
        volume.SetMetadata(file, new MetadataChange { UserId = 77 });
    }

    private static Dictionary<string, string> Options(string text) =>
        text.Split(',').Select(o => o.Split('=', 2)).ToDictionary(o => o[0], o => o.Length > 1 ? o[1] : "true", StringComparer.Ordinal);
}
