using System.Buffers.Binary;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Volumes that are not edited, or not before something is given up; and edits that meet damage, which leave no trace.</summary>
public class NtfsEditRefusalTests
{
    [Fact]
    public void A_dirty_volume_is_edited_only_when_asked_for_and_stays_dirty()
    {
        var damage = Filled();
        damage.EditValue(damage.Record(NtfsMft.VolumeRecord), NtfsAttributeType.VolumeInformation, v => v.Span[0x0A] |= 1);
        Assert.Contains("--discard-journal", Assert.Throws<UnsupportedFeatureException>(() => Open(damage)).Message, StringComparison.Ordinal);
        using (var volume = Open(damage, VolumeOptions.Default with { DiscardJournal = true }))
        {
            volume.CreateFile(volume.RootId, "new", MetadataChange.None);
            volume.Commit();
        }
        Assert.Throws<UnsupportedFeatureException>(() => Open(damage));
    }

    [Fact]
    public void A_log_that_was_not_closed_is_given_up_only_when_asked_for_and_Windows_has_to_check_the_volume()
    {
        var damage = Filled();
        var log = new NtfsFileOf(damage, NtfsMft.LogFileRecord).Content;
        damage.Device.Write(log.Runs[0].Lcn << log.ClusterShift, new byte[16384]);
        Assert.Contains("$LogFile", Assert.Throws<UnsupportedFeatureException>(() => Open(damage)).Message, StringComparison.Ordinal);
        using (var volume = Open(damage, VolumeOptions.Default with { DiscardJournal = true }))
        {
            volume.CreateFile(volume.RootId, "new", MetadataChange.None);
            volume.Commit();
        }
        using var after = NtfsVolume.Open(damage.Device, VolumeOptions.Default);
        Assert.Equal(NtfsLogCondition.Empty, after.LogState.Condition);
        Assert.Equal(NtfsVolumeFlags.Dirty, after.State.Flags & NtfsVolumeFlags.Dirty);
        Assert.True(after.TryFind("/new", out _));
    }

    [Theory]
    [InlineData("hibr", true)]
    [InlineData("HIBR", true)]
    [InlineData("wake", false)]
    public void A_hibernated_Windows_keeps_its_volume(string head, bool isRefused)
    {
        var damage = Filled();
        using (var volume = Open(damage))
        {
            volume.CreateFile(volume.RootId, "hiberfil.sys", new MemoryStream([.. head.Select(c => (byte)c), .. new byte[5000]]), null, MetadataChange.None);
            volume.Commit();
        }
        if (isRefused)
            Assert.Contains("--ignore-hibernation", Assert.Throws<UnsupportedFeatureException>(() => Open(damage)).Message, StringComparison.Ordinal);
        using (Open(damage, VolumeOptions.Default with { IgnoreHibernation = isRefused }))
        {
        }
    }

    [Fact]
    public void A_volume_of_Windows_NT_4_is_not_edited()
    {
        var damage = Filled();
        damage.EditValue(damage.Record(NtfsMft.VolumeRecord), NtfsAttributeType.VolumeInformation, v => (v.Span[8], v.Span[9]) = (1, 2));
        Assert.Throws<UnsupportedFeatureException>(() => Open(damage));
    }

    [Fact]
    public void The_volumes_own_files_are_not_changed()
    {
        using var volume = Open(Filled());
        var (extend, mft) = (volume.Find("/$Extend").Id, volume.Find("/$MFT").Id);
        Assert.Throws<UnauthorizedAccessException>(() => volume.CreateFile(extend, "new", MetadataChange.None));
        Assert.Throws<UnauthorizedAccessException>(() => volume.Delete(volume.RootId, "$MFT"));
        Assert.Throws<UnauthorizedAccessException>(() => volume.Delete(extend, "$Reparse"));
        Assert.Throws<UnauthorizedAccessException>(() => volume.Rename(volume.RootId, "$Secure", volume.RootId, "other", replace: false));
        Assert.Throws<UnauthorizedAccessException>(() => volume.OpenWrite(mft, StreamName.Data));
        Assert.Throws<UnauthorizedAccessException>(() => volume.SetMetadata(mft, new MetadataChange { Modified = new Timestamp(1) }));
        Assert.Equal(0, volume.UncommittedBytes);
    }

    [Fact]
    public void Clusters_that_are_free_already_are_not_freed_again()
    {
        var damage = Filled();
        long cluster;
        using (var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default))
            cluster = volume.OpenFile(volume.Find("/file").Id).Open(NtfsAttributeType.Data)!.Runs[0].Lcn;
        ClearBit(damage, new NtfsFileOf(damage, NtfsMft.BitmapRecord).Content, cluster);
        AssertRefused(damage, "NTFS-0900", v => v.Delete(v.RootId, "file"));
    }

    [Fact]
    public void A_record_that_is_in_use_is_not_taken()
    {
        var damage = Filled();
        long record;
        using (var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default))
            record = new NtfsReference(volume.Find("/file").Id.Value).Record;
        ClearBit(damage, new NtfsFileOf(damage, NtfsMft.MftRecord, NtfsAttributeType.Bitmap).Content, record);
        AssertRefused(damage, "NTFS-0901", v => v.CreateFile(v.RootId, "new", MetadataChange.None));
    }

    [Fact]
    public void Content_that_is_there_twice_is_not_changed()
    {
        var damage = Filled();
        using (var before = Open(damage))
        {
            before.CreateFile(before.RootId, "small", new MemoryStream([1, 2, 3]), 3, MetadataChange.None);
            before.Commit();
        }
        damage.Insert(damage.Named("small"), NtfsAttributeType.Data, "", [1]);
        using var volume = Open(damage);
        foreach (var length in new[] { 0L, 5, 100_000 })
        {
            var refusal = Assert.Throws<DiskFormatException>(() =>
            {
                using var stream = volume.OpenWrite(volume.Find("/small").Id, StreamName.Data);
                stream.SetLength(length);
            });
            Assert.Equal("NTFS-0115", refusal.Code);
            Assert.Equal(0, volume.UncommittedBytes);
            Assert.Equal(3, volume.Find("/small").Length);
        }
    }

    [Fact]
    public void A_name_that_its_record_does_not_have_is_not_taken_away()
    {
        var damage = Filled();
        damage.EditValue(damage.Named("file"), NtfsAttributeType.FileName, v => v.Span[0x42] = (byte)'x');
        AssertRefused(damage, "NTFS-0902", v => v.Delete(v.RootId, "file"));
    }

    [Fact]
    public void Nothing_is_moved_into_a_directory_that_hangs_on_itself()
    {
        var damage = Filled();
        var directory = damage.Named("dir");
        damage.EditValue(directory, NtfsAttributeType.FileName, v => BinaryPrimitives.WriteUInt64LittleEndian(v.Span, directory.Reference.Raw));
        AssertRefused(damage, "NTFS-0903", v => v.Rename(v.RootId, "other", v.Find("/dir").Id, "below", replace: false));
    }

    [Fact]
    public void A_journal_of_changes_gets_another_id()
    {
        var damage = Filled();
        using (var volume = Open(damage))
        {
            var id = volume.CreateFile(volume.RootId, "$UsnJrnl", MetadataChange.None);
            var max = new byte[32];
            BinaryPrimitives.WriteUInt64LittleEndian(max.AsSpan(16), 77);
            using (var stream = volume.OpenWrite(id, StreamName.Named("$Max")))
                stream.WriteAt(0, max);
            using (var stream = volume.OpenWrite(id, StreamName.Named("$J")))
                stream.WriteAt(0, new byte[3000]);
            volume.Commit();
        }
        MoveToExtend(damage, "$UsnJrnl");
        using (var volume = Open(damage))
        {
            volume.CreateFile(volume.RootId, "new", MetadataChange.None);
            volume.Commit();
        }
        using var after = NtfsVolume.Open(damage.Device, VolumeOptions.Default);
        using var changed = after.OpenRead(after.Find("/$Extend/$UsnJrnl").Id, StreamName.Named("$Max"));
        var found = new byte[32];
        changed.ReadAt(0, found);
        Assert.True(BinaryPrimitives.ReadUInt64LittleEndian(found.AsSpan(16)) > 77);
        Assert.Equal(3000L, BinaryPrimitives.ReadInt64LittleEndian(found.AsSpan(24)));
    }

    [Theory]
    [InlineData(0x30, 0x230)]
    [InlineData(0x01, 0x01)]
    public void Quotas_that_Windows_tracks_are_out_of_date_after_an_edit_and_others_stay_as_they_are(uint flags, uint expected)
    {
        var damage = Filled();
        long quota;
        using (var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default))
            quota = new NtfsReference(volume.Find("/$Extend/$Quota").Id.Value).Record;
        damage.EditValue(damage.Record(quota), NtfsAttributeType.IndexRoot, v => BinaryPrimitives.WriteUInt32LittleEndian(FlagsOf(v.Span), flags), "$Q");
        using (var volume = Open(damage))
        {
            volume.CreateFile(volume.RootId, "new", MetadataChange.None);
            volume.Commit();
        }
        Assert.True(damage.Record(quota).TryFind(NtfsAttributeType.IndexRoot, "$Q", out var root));
        Assert.Equal(expected, BinaryPrimitives.ReadUInt32LittleEndian(FlagsOf(root.Value.ToArray())));
        Assert.Empty(damage.Findings());

        // Behind the heads of root and node the entry of owner 1, the defaults: its data are a version and the flags.
        static Span<byte> FlagsOf(Span<byte> value)
        {
            var entry = value[32..];
            Assert.Equal(1, BinaryPrimitives.ReadInt32LittleEndian(entry[16..]));
            return entry[(BinaryPrimitives.ReadUInt16LittleEndian(entry) + 4)..];
        }
    }

    private static NtfsDamage Filled()
    {
        var device = NtfsFixture.Empty("-c 4096", 4 << 20);
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            volume.CreateFile(volume.RootId, "file", new MemoryStream(ConformanceCase.Bytes(9000)), null, MetadataChange.None);
            volume.CreateDirectory(volume.RootId, "dir", MetadataChange.None);
            volume.CreateDirectory(volume.RootId, "other", MetadataChange.None);
            volume.Commit();
        }
        var bytes = new byte[device.Length];
        device.Read(0, bytes);
        return new NtfsDamage(bytes);
    }

    private static EditableVolume Open(NtfsDamage damage, VolumeOptions? options = null) => new NtfsType().OpenForEditing(damage.Device, options ?? VolumeOptions.Default);

    // Refused, and nothing has changed: not even what would be written.
    private static void AssertRefused(NtfsDamage damage, string code, Action<EditableVolume> edit)
    {
        using var volume = Open(damage);
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => edit(volume)).Code);
        Assert.Equal(0, volume.UncommittedBytes);
        Assert.Equal(["dir", "file", "other"], volume.Root.Entries.Select(e => e.Name));
        Assert.Equal(9000, volume.Find("/file").Length);
    }

    private static void ClearBit(NtfsDamage damage, NtfsContent bitmap, long bit)
    {
        var place = bit / 8;
        var run = bitmap.Runs.Find(place >> bitmap.ClusterShift)!.Value;
        damage.Bytes[(int)((run.Lcn << bitmap.ClusterShift) + place - (run.Vcn << bitmap.ClusterShift))] &= (byte)~(1 << (int)(bit & 7));
    }

    private static void MoveToExtend(NtfsDamage damage, string name)
    {
        var changes = new NtfsChanges(damage.Device);
        var volume = NtfsVolume.Open(changes, VolumeOptions.Default);
        var state = new NtfsEditState(volume, changes, VolumeOptions.Default);
        var names = new NtfsNames(state);
        state.Begin();
        var file = state.File(new NtfsReference(volume.Find("/" + name).Id.Value));
        var held = NtfsNames.Of(file)[0];
        names.Remove(state.File(new NtfsReference(NtfsMft.RootRecord, 0)), held.Value);
        var extend = state.File(new NtfsReference(NtfsMft.ExtendRecord, 0));
        var value = NtfsNames.Value(file, extend.Reference, name, NtfsNamespace.Win32AndDos);
        file.Replace(held, NtfsAttributeBytes.Resident(NtfsAttributeType.FileName, "", value));
        names.Insert(extend, file.Reference, value);
        state.Store();
        state.Keep();
        state.Commit();
    }

    /// <summary>What a file of the volume's own holds.</summary>
    private readonly struct NtfsFileOf(NtfsDamage damage, long record, NtfsAttributeType type = NtfsAttributeType.Data)
    {
        public NtfsContent Content => NtfsVolume.Open(damage.Device, VolumeOptions.Default).OpenSystemFile(record).Open(type)!;
    }
}
