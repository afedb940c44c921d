using Platter.Testing;
using Platter.Trees.Specs;
using Platter.Trees.Toml;
using Xunit;

namespace Platter.Tests.Trees.Specs;

/// <summary>What a right spec becomes.</summary>
public sealed class DiskSpecTests
{
    private const string Example = """
        [image]
        size = "2G"                  # or "auto"
        format = "qcow2"             # container; default by OUT's extension
        partition_table = "gpt"      # gpt | mbr | apm | none
        sector_size = 512

        [[partition]]
        name = "EFI"
        type = "esp"
        size = "64M"                 # or "auto" (fit the content) or "rest"
        bootable = false

        [partition.filesystem]
        type = "fat32"
        label = "EFI"
        source = ["esp/", "extra.tar.zst"]      # layers, bottom first: directories, tars, images ("old.qcow2@2")
        options = { cluster_size = "4K" }
        owner = "0:0"                # squash ownership; default: keep
        [[partition.filesystem.file]]           # single entries on top of the layers
        path = "/loader/entry.conf"
        content = "..."              # or from = "host/file"; mode, owner, mtime, xattrs; kind = "dir|symlink|char|block|fifo"
        """;

    [Fact]
    public void The_example_of_the_command_line_contract_is_read_in_full()
    {
        var spec = DiskSpec.Parse(Example, "disk.toml");
        Assert.Equal("disk.toml", spec.SourceName);
        Assert.Equal((SizeRule.Fixed, 2L << 30), (spec.Size.Rule, spec.Size.Bytes));
        Assert.Equal("disk.toml:2:8", spec.Size.Place.ToString());
        Assert.Equal(("qcow2", SpecPartitionTable.Gpt, 512), (spec.Format, spec.PartitionTable, spec.SectorSize));
        Assert.Null(spec.FileSystem);
        Assert.Null(spec.Alignment);

        var partition = Assert.Single(spec.Partitions);
        Assert.Equal(("EFI", "esp", 64L << 20, false), (partition.Name, partition.Type, partition.Size.Bytes, partition.Bootable));
        Assert.Equal(7, partition.Place.Line);

        var fs = partition.FileSystem!;
        Assert.Equal(("fat32", "EFI", new OwnerSpec(0, 0)), (fs.Type, fs.Label, fs.Owner!.Value));
        Assert.Equal("esp/ extra.tar.zst", string.Join(' ', fs.Sources.Select(s => s.Path)));
        Assert.Equal("disk.toml:16:19", fs.Sources[1].Place.ToString());
        Assert.Equal("4K", fs.Options["cluster_size"]);

        var file = Assert.Single(fs.Files);
        Assert.Equal(("/loader/entry.conf", FileSpecKind.File), (file.Path, file.Kind));
        Assert.Equal("..."u8, file.Content!);
        Assert.Null(file.From);
    }

    [Fact]
    public void Every_key_of_a_disk_is_read()
    {
        var spec = DiskSpec.Parse("""
            [image]
            size = 1073741824
            format = "VHD"
            sector_size = "4K"
            alignment = "4M"
            disk_id = "6F1D7CBC-8C4E-4C46-9F9A-6F6F5E0D4D01"
            [[partition]]
            type = "linux"
            size = "auto"
            start = "8M"
            bootable = true
            attributes = ["read-only", "bit48"]
            guid = "{6f1d7cbc-8c4e-4c46-9f9a-6f6f5e0d4d02}"
            filesystem = { type = "ext4", volume_id = "6f1d7cbc-8c4e-4c46-9f9a-6f6f5e0d4d03", source = "root", options = { journal = true, inode_size = 256, ratio = 0.5 } }
            [[partition]]
            type = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
            size = "rest"
            """, "s");
        Assert.Equal((SpecPartitionTable.Gpt, 4096, 4L << 20, "vhd"), (spec.PartitionTable, spec.SectorSize, spec.Alignment!.Value, spec.Format));
        Assert.Equal(Guid.Parse("6F1D7CBC-8C4E-4C46-9F9A-6F6F5E0D4D01"), spec.DiskGuid);
        var first = spec.Partitions[0];
        Assert.Equal((SizeRule.Auto, 8L << 20, true), (first.Size.Rule, first.Start!.Value, first.Bootable));
        Assert.Equal("read-only bit48", string.Join(' ', first.Attributes));
        Assert.Equal(Guid.Parse("6f1d7cbc-8c4e-4c46-9f9a-6f6f5e0d4d02"), first.UniqueId);
        Assert.Equal("journal=true inode_size=256 ratio=0.5", string.Join(' ', first.FileSystem!.Options.Select(o => $"{o.Key}={o.Value}")));
        Assert.Equal("root", Assert.Single(first.FileSystem.Sources).Path);
        Assert.Equal("6f1d7cbc-8c4e-4c46-9f9a-6f6f5e0d4d03", first.FileSystem.VolumeId);
        Assert.Equal((SizeRule.Rest, 0L), (spec.Partitions[1].Size.Rule, spec.Partitions[1].Size.Bytes));
        Assert.Null(spec.Partitions[1].FileSystem);
    }

    [Fact]
    public void Every_kind_of_entry_is_read()
    {
        var spec = DiskSpec.Parse("""
            [filesystem]
            type = "ext4"
            volume_id = 0x1234ABCD
            [[filesystem.file]]
            path = "/etc/"
            kind = "dir"
            mode = 0o1777
            owner = "1000:100"
            mtime = 2026-01-02T03:04:05.5+01:00
            xattrs = { user.note = "hello", "security.capability" = "0x0100000200", user.b64 = "0sAAEC" }
            [[filesystem.file]]
            path = "/etc/sh"
            kind = "symlink"
            target = "../bin/sh"
            [[filesystem.file]]
            path = "/dev/sda1"
            kind = "block"
            major = 8
            minor = 1
            mode = "0660"
            mtime = -1
            [[filesystem.file]]
            path = "/dev/tty"
            kind = "char"
            major = 5
            minor = 0
            mode = 0
            [[filesystem.file]]
            path = "/pipe"
            kind = "fifo"
            mtime = 2026-01-02
            [[filesystem.file]]
            path = "/boot/kernel"
            from = "build/bzImage"
            [[filesystem.file]]
            path = "/"
            kind = "dir"
            mode = "755"
            [[filesystem.file]]
            path = "/ü"
            content = "a\u0000ü"
            """, "s");
        Assert.Equal((SpecPartitionTable.None, SizeRule.Auto), (spec.PartitionTable, spec.Size.Rule));
        Assert.Empty(spec.Partitions);
        Assert.Equal("1234ABCD", spec.FileSystem!.VolumeId);
        var files = spec.FileSystem.Files.ToDictionary(f => f.Path, StringComparer.Ordinal);
        var etc = files["/etc"];
        Assert.Equal((FileSpecKind.Directory, 0x3FF, new OwnerSpec(1000, 100)), (etc.Kind, etc.Mode!.Value, etc.Owner!.Value));
        Assert.Equal(new DateTimeOffset(2026, 1, 2, 2, 4, 5, 500, TimeSpan.Zero), etc.ModificationTime);
        Assert.Equal("hello"u8, etc.ExtendedAttributes["user.note"]);
        Assert.Equal(new byte[] { 1, 0, 0, 2, 0 }, etc.ExtendedAttributes["security.capability"]);
        Assert.Equal(new byte[] { 0, 1, 2 }, etc.ExtendedAttributes["user.b64"]);
        Assert.Equal((FileSpecKind.SymbolicLink, "../bin/sh"), (files["/etc/sh"].Kind, files["/etc/sh"].Target));
        Assert.Equal((FileSpecKind.BlockDevice, 8u, 1u, 0x1B0), (files["/dev/sda1"].Kind, files["/dev/sda1"].Major, files["/dev/sda1"].Minor, files["/dev/sda1"].Mode));
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(-1), files["/dev/sda1"].ModificationTime);
        Assert.Equal((FileSpecKind.CharacterDevice, 5u, 0u, 0), (files["/dev/tty"].Kind, files["/dev/tty"].Major, files["/dev/tty"].Minor, files["/dev/tty"].Mode));
        Assert.Equal((FileSpecKind.Fifo, new DateTimeOffset(2026, 1, 2, 0, 0, 0, TimeSpan.Zero)), (files["/pipe"].Kind, files["/pipe"].ModificationTime!.Value));
        Assert.Equal(("build/bzImage", null), (files["/boot/kernel"].From, files["/boot/kernel"].Content));
        Assert.Equal(0x1ED, files["/"].Mode);
        Assert.Equal("a\0ü"u8, files["/ü"].Content!);
    }

    [Theory]
    [InlineData("[filesystem]\ntype = 'fat12'\nsize = 1474560", SizeRule.Fixed, 1474560, null)]
    [InlineData("[filesystem]\ntype = 'fat12'\nsize = 'auto'", SizeRule.Auto, 0, null)]
    [InlineData("[image]\nformat = 'vhd'\nsize = '1M'\npartition_table = 'none'\n[filesystem]\ntype = 'fat12'", SizeRule.Fixed, 1 << 20, "vhd")]
    [InlineData("[image]\nformat = 'vhd'\n[filesystem]\ntype = 'fat12'\nsize = '2M'", SizeRule.Fixed, 2 << 20, "vhd")]
    public void A_bare_filesystem_has_its_size_in_either_table(string text, SizeRule rule, long bytes, string? format)
    {
        var spec = DiskSpec.Parse(text, "s");
        Assert.Equal((rule, bytes, format, SpecPartitionTable.None), (spec.Size.Rule, spec.Size.Bytes, spec.Format, spec.PartitionTable));
        Assert.Equal("fat12", spec.FileSystem!.Type);
    }

    [Theory]
    [InlineData("disk_id = '0xDEADBEEF'", 0xDEADBEEF)]
    [InlineData("disk_id = 'deadbeef'", 0xDEADBEEF)]
    [InlineData("disk_id = 0x1", 1u)]
    public void An_mbr_has_a_signature_and_types_by_byte(string line, uint signature)
    {
        var spec = DiskSpec.Parse($"[image]\nsize = '1G'\npartition_table = 'mbr'\n{line}\n[[partition]]\ntype = 0xc\nsize = '1M'\nbootable = true\n", "s");
        Assert.Equal((SpecPartitionTable.Mbr, signature), (spec.PartitionTable, spec.DiskSignature!.Value));
        Assert.Equal(("0x0C", true), (spec.Partitions[0].Type, spec.Partitions[0].Bootable));
    }

    [Fact]
    public void A_disk_may_have_no_partitions_yet() => Assert.Empty(DiskSpec.Parse("[image]\nsize = '1G'\npartition_table = 'apm'", "s").Partitions);

    [Fact]
    public void Utf8_is_read_as_well() => Assert.Equal("ü", DiskSpec.Parse("\uFEFF[filesystem]\ntype = 'fat'\nlabel = 'ü'"u8, "s").FileSystem!.Label);

    [Fact]
    public void A_spec_of_many_entries_is_read_in_a_moment()
    {
        var files = string.Concat(Enumerable.Range(0, 50_000).Select(i => $"[[filesystem.file]]\npath = '/d{i % 100}/f{i}'\ncontent = 'x'\n"));
        var start = ProcessorTime.OfThread();
        Assert.Equal(50_000, DiskSpec.Parse("[filesystem]\ntype = 'fat'\n" + files, "s").FileSystem!.Files.Count);
        var took = ProcessorTime.OfThread() - start;
        Assert.True(took < TimeSpan.FromSeconds(3), $"took {took}");
    }

    [Fact]
    public void Long_deep_paths_cost_no_more_than_their_length()
    {
        var deep = string.Concat(Enumerable.Repeat("/aaaaaaaaaaaaaa", 255));
        var files = string.Concat(Enumerable.Range(0, 500).Select(i => $"[[filesystem.file]]\npath = '{deep}/{i}'\nkind = 'fifo'\n"));
        var start = ProcessorTime.OfThread();
        Assert.Equal(500, DiskSpec.Parse("[filesystem]\ntype = 'ext4'\n" + files, "s").FileSystem!.Files.Count);
        var took = ProcessorTime.OfThread() - start;
        Assert.True(took < TimeSpan.FromSeconds(3), $"took {took}");
    }
}
