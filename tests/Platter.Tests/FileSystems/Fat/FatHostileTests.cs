using System.Buffers.Binary;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Fat;
using Platter.Testing;
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
        var began = ProcessorTime.OfThread();
        using var volume = FatVolume.Open(device, VolumeOptions.Default);
        var entries = VolumeTreeSource.Content(volume).Walk().Count();
        Assert.InRange(entries, 4000, 9000);
        var took = ProcessorTime.OfThread() - began;
        Assert.True(took < TimeSpan.FromSeconds(2), $"took {took}");
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

    [Fact]
    public void A_long_name_that_ends_before_its_slots_do_is_found_and_not_made_twice()
    {
        var device = Make(volume => Put(volume, "a name in two slots.text", 100));
        var shortSlot = device.Bytes.AsSpan().IndexOf("ANAMEI~1"u8);
        device.Bytes.AsSpan(shortSlot - 32 + 3, 2).Clear();      // the second unit of the first piece
        using var volume = FatVolume.OpenForEditing(device, VolumeOptions.Default);
        Assert.Equal("a", Assert.Single(volume.Root.Entries).Name);
        Assert.True(volume.TryLookup(volume.RootId, "A", out _));
        Assert.Throws<AlreadyExistsException>(() => volume.CreateFile(volume.RootId, "a", MetadataChange.None));
    }

    [Fact]
    public void Broken_directories_cost_no_memory_however_many_there_are()
    {
        const int count = 500;
        var device = Make(volume =>
        {
            Put(volume, "TARGET", 100 << 10);
            var directory = volume.CreateDirectory(volume.RootId, "MANY", MetadataChange.None);
            for (var i = 0; i < count; i++)
                volume.CreateFile(directory, $"F{i:D6}", MetadataChange.None);
        }, 1 << 20);
        using var sound = FatVolume.Open(device, VolumeOptions.Default);
        var owner = sound.Resolve(sound.Find("/TARGET").Id, out var slot);
        var first = sound.FirstCluster(owner, slot);
        // All of them are the same chain of 100 KiB, which ends in a free cluster.
        for (var fat = 0; fat < sound.Geometry.FatCount; fat++)
        {
            var last = (int)first + 199;
            var at = (int)sound.Geometry.FatOffset(fat) + last + last / 2;
            var pair = BinaryPrimitives.ReadUInt16LittleEndian(device.Bytes.AsSpan(at));
            BinaryPrimitives.WriteUInt16LittleEndian(device.Bytes.AsSpan(at), (ushort)(last % 2 == 0 ? pair & 0xF000 : pair & 0x000F));
        }
        for (var i = 0; i < count; i++)
        {
            var entry = device.Bytes.AsSpan(device.Bytes.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes($"F{i:D6}    ")), 32);
            entry[0x0B] = 0x10;
            BinaryPrimitives.WriteUInt16LittleEndian(entry[0x1A..], (ushort)first);
        }
        using var volume = FatVolume.Open(device, VolumeOptions.Default);
        var entries = volume.Find("/MANY").Entries.ToList();
        Assert.Throws<DiskFormatException>(() => entries[0].Entries.ToList());
        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var entry in entries)
            Assert.Equal("FAT-0202", Assert.Throws<DiskFormatException>(() => entry.Entries.ToList()).Code);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10 << 20);
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
