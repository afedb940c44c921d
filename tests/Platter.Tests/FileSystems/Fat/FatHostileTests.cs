using System.Buffers.Binary;
using System.Diagnostics;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Trees;
using Xunit;

namespace Platter.Tests.FileSystems.Fat;

/// <summary>Volumes that want to crash a reader or to keep it busy; found by the fuzzer or while writing it.</summary>
public sealed class FatHostileTests
{
    private static readonly FatType Fat = new();

    [Fact]
    public void The_allocated_ranges_of_a_volume_that_was_cut_end_with_the_device()
    {
        var device = Make(volume => Put(volume, "late", 40_000));
        foreach (var length in new[] { device.Bytes.Length - 512, 60_000, 40_000, 30_001 })
        {
            var cut = new MemoryDevice(device.Bytes[..length]);
            using var volume = FatVolume.Open(cut, VolumeOptions.Default);
            var last = -1L;
            foreach (var range in volume.AllocatedRanges())
            {
                Assert.True(range.Offset > last && range.Length > 0 && range.End <= length, $"{range} of {length}");
                last = range.End;
            }
        }
    }

    [Fact]
    public void A_directory_behind_the_end_of_a_cut_volume_is_checked_without_reading_it()
    {
        var device = Make(volume =>
        {
            Put(volume, "first", 40_000);
            volume.CreateDirectory(volume.RootId, "behind", MetadataChange.None);
        });
        var report = Fat.Check(new MemoryDevice(device.Bytes[..40_000]), CheckOptions.Default);
        Assert.Contains(report.Findings, f => f.Code == "FAT-0015");
    }

    [Fact]
    public void Directories_that_share_clusters_are_listed_once_and_refused_the_second_time()
    {
        var device = Make(volume =>
        {
            volume.CreateDirectory(volume.RootId, "one", MetadataChange.None);
            volume.CreateDirectory(volume.RootId, "two", MetadataChange.None);
        });
        var second = device.Bytes.AsSpan().IndexOf("TWO        "u8);
        second = second >= 0 ? second : device.Bytes.AsSpan().IndexOf("two"u8);
        var first = device.Bytes.AsSpan().IndexOf("ONE        "u8);
        device.Bytes.AsSpan(first + 0x1A, 2).CopyTo(device.Bytes.AsSpan(second + 0x1A));
        using var volume = FatVolume.OpenForEditing(device, VolumeOptions.Default);
        Assert.Empty(volume.Find("/one").Entries);
        var e = Assert.Throws<DiskFormatException>(() => volume.Find("/two").Entries.Count());
        Assert.Equal("FAT-0210", e.Code);

        // With the first entry gone, the directory would be the second one's.
        volume.Delete(volume.RootId, "one");
        Assert.Throws<DiskFormatException>(() => volume.CreateFile(volume.Find("/two").Id, "x", MetadataChange.None));
    }

    [Fact]
    public void A_directory_full_of_itself_is_walked_in_no_time()
    {
        // 65,536 entries, each of them the same directory: followed, that's 4 thousand million.
        var device = Make(volume =>
        {
            var bomb = volume.CreateDirectory(volume.RootId, "bomb", MetadataChange.None);
            for (var i = 0; i < 4000; i++)
                volume.CreateFile(bomb, $"F{i:D6}", MetadataChange.None);
        }, 4 << 20);
        var start = BinaryPrimitives.ReadUInt16LittleEndian(device.Bytes.AsSpan(device.Bytes.AsSpan().IndexOf("BOMB       "u8) + 0x1A));
        for (var i = 0; i < 4000; i++)
        {
            var slot = device.Bytes.AsSpan(device.Bytes.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes($"F{i:D6}    ")), 32);
            slot[0x0B] = 0x10;
            BinaryPrimitives.WriteUInt16LittleEndian(slot[0x1A..], start);
        }
        var watch = Stopwatch.StartNew();
        using var volume = FatVolume.Open(device, VolumeOptions.Default);
        var entries = VolumeTreeSource.Content(volume).Walk().Count();
        Assert.InRange(entries, 4000, 9000);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(2), $"took {watch.Elapsed}");
    }

    [Fact]
    public void Removing_an_entry_takes_the_long_name_with_it_that_no_longer_fits()
    {
        // As DOS leaves it: a short name renamed, the long name of the old one still before it.
        var device = Make(volume => Put(volume, "a long name.text", 100));
        "RENAMED "u8.CopyTo(device.Bytes.AsSpan(device.Bytes.AsSpan().IndexOf("ALONGN~1"u8)));
        Assert.True(Fat.Check(device, CheckOptions.Default).IsClean);
        using var volume = FatVolume.OpenForEditing(device, VolumeOptions.Default);
        volume.Delete(volume.RootId, "RENAMED.TEX");
        volume.Commit();
        var report = Fat.Check(device, CheckOptions.Default);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
    }

    [Fact]
    public void A_label_with_the_directory_bit_is_replaced_and_not_joined_by_another()
    {
        var device = Make(volume => volume.SetLabel("FIRST"));
        var label = device.Bytes.AsSpan().LastIndexOf("FIRST      "u8);
        Assert.Equal(0x08, device.Bytes[label + 0x0B]);
        device.Bytes[label + 0x0B] = 0x18;
        using var volume = FatVolume.OpenForEditing(device, VolumeOptions.Default);
        Assert.Equal("FIRST", volume.Info.Label);
        volume.SetLabel("SECOND");
        volume.Commit();
        Assert.DoesNotContain(Fat.Check(device, CheckOptions.Default).Findings, f => f.Code is "FAT-0181" or "FAT-0182");
        Assert.Equal("SECOND", volume.Info.Label);
    }

    private static MemoryDevice Make(Action<EditableVolume> fill, int length = 256 << 10)
    {
        var device = new MemoryDevice(length);
        Fat.Format(device, new FormatOptions { Type = "fat", Options = new Dictionary<string, string>(StringComparer.Ordinal) { ["cluster_size"] = "512" } });
        using var volume = Fat.OpenForEditing(device, VolumeOptions.Default);
        fill(volume);
        volume.Commit();
        return device;
    }

    private static void Put(EditableVolume volume, string name, int length) =>
        volume.CreateFile(volume.RootId, name, new MemoryStream(new byte[length]), length, MetadataChange.None);
}
