using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;
using Xunit;
using static Platter.FileSystems.Ntfs.NtfsAttributeType;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Damage that fuzzing has made, and that a repair made worse, or did not end with.</summary>
public class NtfsRepairFuzzedTests
{
    private const string Names = NtfsDirectory.IndexName;

    // Of a file's content, what is compared: longer than the bits of all clusters of the small volume.
    private const int CompareBytes = 2048;

    private static readonly RepairOptions GivingLogsUp = new() { Check = new CheckOptions { Volume = new VolumeOptions { DiscardJournal = true } } };

    // How long a repair of a small volume may take on the slowest machine; one that does not end is not waited for.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    [Fact]
    public void A_name_in_a_block_that_the_bitmap_has_free_counts_as_long_as_the_tree_leads_there()
    {
        // A file's record is that of another one, and calls itself so: only its directory knows its name. And the directory's $BITMAP has no block of it in use.
        var damage = new NtfsDamage(NtfsTrial.Make());
        NtfsRecord one = damage.Named("one of many files 00007"), other = damage.Named("another file"), many = damage.Named("many");
        Assert.Equal(one.Reference.Sequence, other.Reference.Sequence);
        damage.Bytes.Slice((int)other.Offset, other.Bytes.Length).CopyTo(damage.Bytes[(int)one.Offset..]);
        damage.EditValue(many, NtfsAttributeType.Bitmap, v => v.Span.Clear(), Names);
        Assert.Contains("NTFS-0309", damage.Findings());

        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.Empty(report.Remaining.Findings);
        using var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default);
        Assert.Equal((ulong)one.Number, volume.Find("/many/one of many files 00007").Id.Value & 0xFFFF_FFFF_FFFF);
        Assert.Equal((ulong)other.Number, volume.Find("/folder/inner/another file").Id.Value & 0xFFFF_FFFF_FFFF);
    }

    [Fact]
    public void A_view_index_whose_root_says_it_is_of_names_is_made_anew()
    {
        // Its entries are then not verified as those of views; one of them has its data far outside.
        var damage = new NtfsDamage(NtfsTrial.Make());
        var secure = damage.Record(NtfsMft.SecureRecord);
        damage.EditValue(secure, IndexRoot, v =>
        {
            OnDisk.Edit<NtfsIndexRoot>(v.Span).AttributeType = (uint)FileName;
            ref var entry = ref OnDisk.Edit<NtfsViewEntry>(v.Span, NtfsDamage.Entries(v.Span, NtfsIndexRoot.Size)[0]);
            (entry.DataOffset, entry.DataLength) = (ushort.MaxValue - 3, 20);
        }, NtfsSecure.IdIndexName);
        using (var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default))
        {
            foreach (var entry in volume.Enumerate(volume.RootId))
                Assert.Null(Record.Exception(() => Described(volume, entry.Id)));
        }
        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.Empty(report.Remaining.Findings);
        Assert.Contains(report.Repairs, r => r.Message.StartsWith("$SII and $SDH made anew", StringComparison.Ordinal));
    }

    [Fact]
    public void An_index_that_a_hole_makes_as_long_as_any_number_is_gone_through()
    {
        var damage = new NtfsDamage(NtfsTrial.Make());
        var many = damage.Named("many");
        damage.Edit(many, IndexAllocation, a =>
        {
            // Nothing but a hole of as many clusters as six bytes say.
            const long clusters = 1L << 46;
            var runs = NtfsDamage.RunsOf(a.Span);
            runs.Clear();
            (runs[0], runs[6]) = (6, (byte)(clusters >> 40));
            ref var head = ref OnDisk.Edit<NtfsNonResidentHeader>(a.Span);
            head.HighestVcn = (ulong)clusters - 1;
            head.AllocatedSize = head.DataSize = head.InitializedSize = (ulong)clusters << 10;
        }, Names);
        Assert.Contains("NTFS-0208", damage.Findings());
        Ends(damage);
    }

    [Theory]
    [InlineData(1L << 46)]
    [InlineData(long.MaxValue)]
    [InlineData(-1L)]
    public void A_log_is_given_up_however_long_it_says_it_is(long length)
    {
        var damage = NtfsDamageKinds.Sound(NtfsSoundVolume.Linked);
        damage.Edit(damage.Record(NtfsMft.LogFileRecord), Data, a =>
        {
            ref var head = ref OnDisk.Edit<NtfsNonResidentHeader>(a.Span);
            head.DataSize = head.InitializedSize = (ulong)length;
        });
        var repairs = Ends(damage);
        if (length > 0)
            Assert.Contains(repairs, r => r.Structure == "$LogFile");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Of_two_copies_of_a_descriptor_the_one_counts_that_the_indexes_have(bool isAnotherId)
    {
        // The first is sound in itself, but no longer the one that files are led to: that is read from the second.
        const int head = NtfsSecurityEntry.Size;
        var damage = new NtfsDamage(NtfsTrial.Make());
        var before = Descriptors(damage);
        var entry = damage.Bytes[(int)damage.Place(damage.Record(NtfsMft.SecureRecord), Data, 0, NtfsSecure.StreamName)..];
        while ((int)(uint)OnDisk.View<NtfsSecurityEntry>(entry).Length is var length and > head)
        {
            if (isAnotherId)
                OnDisk.Edit<NtfsSecurityEntry>(entry).Id = OnDisk.View<NtfsSecurityEntry>(entry).Id + 0x5000;
            else
                OnDisk.Edit<NtfsSecurityDescriptor>(entry, head).Control = (ushort)(OnDisk.View<NtfsSecurityDescriptor>(entry, head).Control | (ushort)NtfsSecurityControl.OwnerDefaulted);
            OnDisk.Edit<NtfsSecurityEntry>(entry).Hash = NtfsSecurityHash.Of(entry[head..length]);
            entry = entry[(length + NtfsSecurityEntry.Alignment - 1 & -NtfsSecurityEntry.Alignment)..];
        }
        Assert.Equal(before, Descriptors(damage));
        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.Empty(report.Remaining.Findings);
        Assert.Equal(before, Descriptors(damage));
    }

    [Fact]
    public void A_descriptor_is_as_long_as_the_indexes_say()
    {
        // Zeros for 512 bytes leave the sum as it is: both copies would be sound, and longer.
        var damage = new NtfsDamage(NtfsTrial.Make());
        var before = Descriptors(damage);
        var last = (Offset: 0, Length: 0);
        var secure = damage.Record(NtfsMft.SecureRecord);
        for (var (at, length) = (0, 1); length > 0; at += length + NtfsSecurityEntry.Alignment - 1 & -NtfsSecurityEntry.Alignment)
        {
            length = (int)(uint)OnDisk.View<NtfsSecurityEntry>(damage.Bytes[(int)damage.Place(secure, Data, at, NtfsSecure.StreamName)..]).Length;
            last = length > 0 ? (at, length) : last;
        }
        foreach (var at in new[] { last.Offset, last.Offset + NtfsSecurityEntry.BlockSize })
            OnDisk.Edit<NtfsSecurityEntry>(damage.Bytes[(int)damage.Place(secure, Data, at, NtfsSecure.StreamName)..]).Length = (uint)last.Length + 512;
        Assert.Equal(before, Descriptors(damage));
        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.Empty(report.Remaining.Findings);
        Assert.Equal(before, Descriptors(damage));
    }

    [Fact]
    public void A_key_with_another_ids_descriptor_leads_to_none()
    {
        var damage = new NtfsDamage(NtfsTrial.Make());
        var secure = damage.Record(NtfsMft.SecureRecord);
        var id = 0u;
        damage.EditValue(secure, IndexRoot, v =>
        {
            var entries = NtfsDamage.Entries(v.Span, NtfsIndexRoot.Size);
            id = OnDisk.View<U32Le>(v.Span, entries[0] + NtfsIndexEntry.Size);
            var next = v.Span.Slice(entries[1] + OnDisk.View<NtfsViewEntry>(v.Span, entries[1]).DataOffset, NtfsSecurityEntry.Size);
            next.CopyTo(v.Span[(entries[0] + OnDisk.View<NtfsViewEntry>(v.Span, entries[0]).DataOffset)..]);
        }, NtfsSecure.IdIndexName);
        using var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default);
        var file = volume.OpenSystemFile(NtfsMft.SecureRecord);
        var opened = NtfsSecure.Open(volume.Geometry, file, new NtfsNodes(4))!;
        Assert.Null(opened.Find(id));
        Assert.NotNull(opened.Find(id + 1));
    }

    [Theory]
    [InlineData(NtfsMft.AttributeDefinitionRecord)]
    [InlineData(NtfsMft.UpcaseRecord)]
    public void A_repair_does_not_take_another_files_content_for_the_bits_of_clusters(long other)
    {
        // Its record has moved there, so that no second one has the same clusters.
        var damage = new NtfsDamage(NtfsTrial.Make());
        NtfsRecord bitmap = damage.Record(NtfsMft.BitmapRecord), moved = damage.Record(other);
        var content = (int)damage.Place(moved, Data, 0);
        var before = damage.Bytes.Slice(content, CompareBytes).ToArray();
        var stored = damage.Bytes.Slice((int)moved.Offset, moved.Bytes.Length);
        stored.CopyTo(damage.Bytes[(int)bitmap.Offset..]);
        stored.Clear();
        var found = damage.Findings();
        Assert.Contains("NTFS-0142", found);
        Assert.Contains("NTFS-0211", found);
        Ends(damage);
        Assert.Equal(before, damage.Bytes.Slice(content, CompareBytes).ToArray());
    }

    [Fact]
    public void Bits_for_which_bitmap_has_no_clusters_are_not_looked_for()
    {
        var damage = new NtfsDamage(NtfsTrial.Make());
        var bitmap = damage.Record(NtfsMft.BitmapRecord);
        // Behind the last cluster, of 1K: found before the rest of the bits is read.
        damage.Bytes[(int)damage.Place(bitmap, Data, damage.Bytes.Length >> 10 + 3)] = 0;
        damage.Edit(bitmap, Data, a =>
        {
            ref var head = ref OnDisk.Edit<NtfsNonResidentHeader>(a.Span);
            head.DataSize = head.InitializedSize = head.AllocatedSize + 1;
        });
        Assert.Contains("NTFS-0214", damage.Findings());
        Assert.DoesNotContain(Ends(damage), r => r.Structure == "$Bitmap");
    }

    private static List<string> Descriptors(NtfsDamage damage)
    {
        using var volume = NtfsVolume.Open(damage.Device, VolumeOptions.Default);
        return [.. volume.Enumerate(volume.RootId).Select(e => $"{e.Name}: {Convert.ToHexString(volume.GetMetadata(e.Id).SecurityDescriptor!)}")];
    }

    private static void Described(NtfsVolume volume, NodeId id)
    {
        try
        {
            volume.GetMetadata(id);
        }
        catch (DiskFormatException)
        {
            // That is how a broken index is told.
        }
    }

    private static IReadOnlyList<Repair> Ends(NtfsDamage damage)
    {
        var repair = Task.Run(() => new NtfsType().Repair(damage.Device, GivingLogsUp), TestContext.Current.CancellationToken);
        Assert.True(repair.Wait(Patience, TestContext.Current.CancellationToken), $"the repair has not ended after {Patience}");
        return repair.Result.Repairs;
    }
}
