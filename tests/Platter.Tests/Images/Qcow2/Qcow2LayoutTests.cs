using System.Runtime.CompilerServices;
using Platter.Images.Qcow2;
using Xunit;

namespace Platter.Tests.Images.Qcow2;

/// <summary>The declared structures against the numbers of the specification.</summary>
public sealed class Qcow2LayoutTests
{
    [Fact]
    public void The_header_is_laid_out_as_specified()
    {
        Qcow2Header h = default;
        Assert.Equal(112, Unsafe.SizeOf<Qcow2Header>());
        Assert.Equal([0, 4, 8, 16, 20, 24, 32, 36, 40, 48, 56, 60, 64, 72, 80, 88, 96, 100, 104],
        [
            At(ref h, ref h.Magic), At(ref h, ref h.Version), At(ref h, ref h.BackingNameOffset), At(ref h, ref h.BackingNameLength), At(ref h, ref h.ClusterBits),
            At(ref h, ref h.Size), At(ref h, ref h.Encryption), At(ref h, ref h.L1Entries), At(ref h, ref h.L1Offset), At(ref h, ref h.RefcountTableOffset),
            At(ref h, ref h.RefcountTableClusters), At(ref h, ref h.SnapshotCount), At(ref h, ref h.SnapshotsOffset), At(ref h, ref h.Incompatible),
            At(ref h, ref h.Compatible), At(ref h, ref h.Autoclear), At(ref h, ref h.RefcountOrder), At(ref h, ref h.HeaderLength), At(ref h, ref h.CompressionType),
        ]);
    }

    [Fact]
    public void The_smaller_structures_are_laid_out_as_specified()
    {
        SnapshotHead s = default;
        Assert.Equal(40, Unsafe.SizeOf<SnapshotHead>());
        Assert.Equal([0, 8, 12, 14, 16, 20, 24, 32, 36],
        [
            At(ref s, ref s.L1Offset), At(ref s, ref s.L1Entries), At(ref s, ref s.IdLength), At(ref s, ref s.NameLength), At(ref s, ref s.Seconds),
            At(ref s, ref s.Nanoseconds), At(ref s, ref s.VmClock), At(ref s, ref s.VmStateSize), At(ref s, ref s.ExtraLength),
        ]);
        SnapshotExtra e = default;
        Assert.Equal([0, 8, 16], [At(ref e, ref e.VmStateSize), At(ref e, ref e.DiskSize), At(ref e, ref e.InstructionCount)]);
        BitmapsExtension x = default;
        Assert.Equal(24, Unsafe.SizeOf<BitmapsExtension>());
        Assert.Equal([0, 4, 8, 16], [At(ref x, ref x.Count), At(ref x, ref x.Reserved), At(ref x, ref x.DirectorySize), At(ref x, ref x.DirectoryOffset)]);
        BitmapHead b = default;
        Assert.Equal(24, Unsafe.SizeOf<BitmapHead>());
        Assert.Equal([0, 8, 12, 16, 17, 18, 20],
            [At(ref b, ref b.TableOffset), At(ref b, ref b.TableEntries), At(ref b, ref b.Flags), At(ref b, ref b.Type), At(ref b, ref b.GranularityBits), At(ref b, ref b.NameLength), At(ref b, ref b.ExtraLength)]);
        ExtensionHead head = default;
        Assert.Equal([0, 4], [At(ref head, ref head.Type), At(ref head, ref head.Length)]);
        FeatureNameHead name = default;
        Assert.Equal([0, 1], [At(ref name, ref name.Kind), At(ref name, ref name.Bit)]);
    }

    [Theory]
    [InlineData(16, 0x12345, 700, 0x4080_0000_0001_2345)]       // 0x145 + 700 reaches two sectors further
    [InlineData(9, 0x7FF, 1, 0x4000_0000_0000_07FF)]
    [InlineData(21, 0x200000, 513, 0x4002_0000_0020_0000)]
    public void A_compressed_entry_keeps_its_place_and_its_sectors(int clusterBits, long offset, int length, ulong expected)
    {
        var entry = L2Entry.Compressed(offset, length, clusterBits);
        var (at, room) = entry.CompressedRange(clusterBits);
        Assert.Equal(expected, entry.Descriptor);
        Assert.Equal(offset, at);
        Assert.Equal((offset + length - 1) / 512, (at + room - 1) / 512);
        Assert.Equal(0, (at + room) % 512);
    }

    [Theory]
    [InlineData(0x00000000_00000000UL, 0, 0, 32)]
    [InlineData(0x00000000_FFFFFFFFUL, 5, 2, 27)]
    [InlineData(0xFFFFFFFF_00000000UL, 31, 1, 1)]
    [InlineData(0x0000000C_00000003UL, 0, 2, 2)]
    [InlineData(0x0000000C_00000003UL, 2, 1, 2)]
    [InlineData(0x0000000C_00000003UL, 4, 0, 28)]
    [InlineData(0x00000000_80000000UL, 1, 0, 30)]
    public void Subclusters_form_runs(ulong bits, int first, int kind, int count)
    {
        Assert.Equal(((ClusterKind)kind, count), new L2Entry(0, bits).SubclusterRun(first));
    }

    [Fact]
    public void A_mask_of_subclusters_covers_its_ends()
    {
        Assert.Equal(0xFFFFFFFFUL, L2Entry.SubclusterMask(0, 31));
        Assert.Equal(0x80000000UL, L2Entry.SubclusterMask(31, 31));
        Assert.Equal(0x1CUL, L2Entry.SubclusterMask(2, 4));
        Assert.Equal(1UL, L2Entry.SubclusterMask(0, 0));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(64)]
    public void Refcounts_of_all_widths_keep_to_their_bits(int bits)
    {
        var block = new byte[64];
        var count = 64 * 8 / bits;
        var random = new Random(bits);
        var values = new ulong[count];
        for (var i = 0; i < count; i++)
        {
            values[i] = (ulong)random.NextInt64() & (bits == 64 ? ulong.MaxValue : (1UL << bits) - 1);
            Qcow2Refcounts.Encode(block, i, bits, ~values[i] & (bits == 64 ? ulong.MaxValue : (1UL << bits) - 1));
        }
        for (var i = count - 1; i >= 0; i--)
            Qcow2Refcounts.Encode(block, i, bits, values[i]);
        for (var i = 0; i < count; i++)
            Assert.Equal(values[i], Qcow2Refcounts.Decode(block, i, bits));
        if (bits == 1)
        {
            block.AsSpan().Clear();
            Qcow2Refcounts.Encode(block, 0, 1, 1);
            Assert.Equal(1, block[0]);      // the first is the lowest bit
        }
    }

    private static int At<TStruct, TField>(ref TStruct structure, ref TField field) =>
        (int)Unsafe.ByteOffset(ref Unsafe.As<TStruct, byte>(ref structure), ref Unsafe.As<TField, byte>(ref field));
}
