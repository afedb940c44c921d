using System.Text;
using Platter.Testing;
using Xunit;

namespace Platter.Cli.Tests;

/// <summary>What Platter does not open is called by its name, and not overwritten without a word.</summary>
public class ForeignContentTests
{
    public static TheoryData<string, int, string> Contents => new()
    {
        { "a btrfs filesystem", 0x10040, "_BHRfS_M" },
        { "a LUKS volume", 0, "LUKS\u00BA\u00BE" },
        { "a BitLocker volume", 3, "-FVE-FS-" },
        { "a physical volume of LVM", 0x218, "LVM2 001" },
        { "a part of a Linux RAID", 0x1000, "\u00FC\u004E\u002B\u00A9" },
        { "an XFS filesystem", 0, "XFSB" },
        { "an F2FS filesystem", 0x400, "\u0010\u0020\u00F5\u00F2" },
        { "a squashfs filesystem", 0, "hsqs" },
        { "an ISO 9660 filesystem", 0x8001, "CD001" },
        { "an HFS+ filesystem", 0x400, "H+\0\u0004" },
        { "a tar archive", 0x101, "ustar" },
        { "a PDF document", 0, "%PDF-" },
        { "data of a kind that Platter does not know", 5000, "notes of many years" },
    };

    [Theory, MemberData(nameof(Contents))]
    public void It_is_named_and_not_overwritten_without_force(string name, int offset, string magic)
    {
        using var folder = new TempFolder();
        var path = folder.File("image");
        var content = new byte[4 << 20];
        Encoding.Latin1.GetBytes(magic).CopyTo(content, offset);
        File.WriteAllBytes(path, content);
        if (!name.StartsWith("data", StringComparison.Ordinal))
        {
            Assert.Contains($"it holds {name}, and no filesystem that Platter opens", Cli.Fails(7, "ls", path).Error, StringComparison.Ordinal);
            Assert.Contains($"it holds {name}, and nothing that Platter checks", Cli.Fails(7, "check", path).Error, StringComparison.Ordinal);
            Assert.Contains(name, Cli.Expect("info", path).Output, StringComparison.Ordinal);
        }
        foreach (var command in new[] { new[] { "mkfs", path, "-t", "fat12" }, ["part", "init", "gpt", path] })
            Assert.Contains($"it holds {name}, which would be lost (--force does it all the same)", Cli.Fails(8, command).Error, StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllBytes(path));
        Cli.Expect("mkfs", path, "-t", "fat12", "--force");
        Cli.Expect("check", path);
    }

    [Theory, MemberData(nameof(Contents))]
    public void So_it_is_in_a_partition(string name, int offset, string magic)
    {
        using var folder = new TempFolder();
        var path = folder.File("disk.img");
        Cli.Expect("part", "init", "gpt", path, "--size", "12M");
        Cli.Expect("part", "add", path, "--type", "linux", "--size", "4M");
        using (var file = File.OpenWrite(path))
        {
            file.Position = (1 << 20) + offset;
            file.Write(Encoding.Latin1.GetBytes(magic));
        }
        var before = File.ReadAllBytes(path);
        var word = name.Split(' ', 2)[1];
        foreach (var command in new[] { new[] { "info", path }, ["part", "list", path] })
            Assert.Contains(name.StartsWith("data", StringComparison.Ordinal) ? "data" : word, Cli.Expect(command).Output, StringComparison.Ordinal);
        if (!name.StartsWith("data", StringComparison.Ordinal))
            Assert.Contains($"partition 1 (linux) holds {name}, and no filesystem that Platter opens", Cli.Fails(7, "ls", path + "@1").Error, StringComparison.Ordinal);
        Assert.Contains($"it holds {name}", Cli.Fails(8, "mkfs", path + "@1", "-t", "fat12").Error, StringComparison.Ordinal);
        var source = folder.File("source.img");
        Cli.Expect("mkfs", source, "-t", "fat12", "--size", "1440K");
        Assert.Contains($"it holds {name}", Cli.Fails(8, "convert", source, path + "@1").Error, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(path));
        Cli.Expect("mkfs", path + "@1", "-t", "fat12", "--force");
    }

    [Fact]
    public void An_empty_table_a_swap_area_and_zeros_give_way_and_a_system_asleep_does_not()
    {
        using var folder = new TempFolder();
        var path = folder.File("disk.img");
        Cli.Expect("part", "init", "mbr", path, "--size", "4M");
        Cli.Expect("mkfs", path, "-t", "swap");
        using (var file = File.OpenWrite(path))
        {
            file.Position = 4086;
            file.Write("S1SUSPEND\0"u8);
        }
        Assert.Contains("hibernated", Cli.Fails(8, "mkfs", path, "-t", "fat12").Error, StringComparison.Ordinal);
        Cli.Expect("mkfs", path, "-t", "swap", "--force");
        Cli.Expect("mkfs", path, "-t", "fat12");
        File.WriteAllBytes(path, new byte[4 << 20]);
        Cli.Expect("mkfs", path, "-t", "fat12");
    }

    [Fact]
    public void A_damaged_table_is_a_matter_of_force_too()
    {
        using var folder = new TempFolder();
        var path = folder.File("disk.img");
        Cli.Expect("part", "init", "gpt", path, "--size", "4M");
        using (var file = File.OpenWrite(path))
        {
            file.Position = 520;
            file.WriteByte(9);
            file.Position = (4 << 20) - 500;
            file.WriteByte(9);
        }
        foreach (var command in new[] { new[] { "mkfs", path, "-t", "fat12" }, ["part", "init", "gpt", path] })
            Assert.Contains("damaged partition table, which would be lost", Cli.Fails(8, command).Error, StringComparison.Ordinal);
        Cli.Expect("mkfs", path, "-t", "fat12", "--force");
    }
}
