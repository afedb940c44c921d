using System.Runtime.CompilerServices;
using Platter.FileSystems.ExFat;
using Xunit;

namespace Platter.Tests.FileSystems.ExFat;

/// <summary>Every structure against the numbers of Microsoft's "exFAT file system specification", revision 1.00.</summary>
public class ExFatLayoutTests
{
    [Fact]
    public void The_boot_sector_has_the_layout_of_the_specification()
    {
        var s = default(ExFatBootSector);
        Assert.Equal(512, Unsafe.SizeOf<ExFatBootSector>());
        Assert.Equal(0, At(ref s, ref s.Jump));
        Assert.Equal(3, At(ref s, ref s.FileSystemName));
        Assert.Equal(11, At(ref s, ref s.MustBeZero));
        Assert.Equal(64, At(ref s, ref s.PartitionOffset));
        Assert.Equal(72, At(ref s, ref s.VolumeLength));
        Assert.Equal(80, At(ref s, ref s.FatOffset));
        Assert.Equal(84, At(ref s, ref s.FatLength));
        Assert.Equal(88, At(ref s, ref s.ClusterHeapOffset));
        Assert.Equal(92, At(ref s, ref s.ClusterCount));
        Assert.Equal(96, At(ref s, ref s.RootCluster));
        Assert.Equal(100, At(ref s, ref s.SerialNumber));
        Assert.Equal(104, At(ref s, ref s.Revision));
        Assert.Equal(106, At(ref s, ref s.VolumeFlags));
        Assert.Equal(108, At(ref s, ref s.BytesPerSectorShift));
        Assert.Equal(109, At(ref s, ref s.SectorsPerClusterShift));
        Assert.Equal(110, At(ref s, ref s.NumberOfFats));
        Assert.Equal(111, At(ref s, ref s.DriveSelect));
        Assert.Equal(112, At(ref s, ref s.PercentInUse));
        Assert.Equal(113, At(ref s, ref s.Reserved));
        Assert.Equal(120, At(ref s, ref s.BootCode));
        Assert.Equal(510, At(ref s, ref s.BootSignature));
    }

    [Fact]
    public void Every_entry_has_32_bytes()
    {
        int[] sizes =
        [
            Unsafe.SizeOf<ExFatPrimaryEntry>(), Unsafe.SizeOf<ExFatSecondaryEntry>(), Unsafe.SizeOf<ExFatBitmapEntry>(), Unsafe.SizeOf<ExFatUpcaseEntry>(),
            Unsafe.SizeOf<ExFatLabelEntry>(), Unsafe.SizeOf<ExFatFileEntry>(), Unsafe.SizeOf<ExFatStreamEntry>(), Unsafe.SizeOf<ExFatNameEntry>(),
            Unsafe.SizeOf<ExFatVolumeGuidEntry>(), Unsafe.SizeOf<ExFatTexFatPaddingEntry>(), Unsafe.SizeOf<ExFatVendorExtensionEntry>(),
            Unsafe.SizeOf<ExFatVendorAllocationEntry>(),
        ];
        Assert.All(sizes, size => Assert.Equal(ExFatEntryType.Size, size));
    }

    [Fact]
    public void A_primary_and_a_secondary_entry_have_the_layout_of_the_specification()
    {
        var p = default(ExFatPrimaryEntry);
        Assert.Equal([0, 1, 2, 4, 6, 20, 24],
            [At(ref p, ref p.Type), At(ref p, ref p.SecondaryCount), At(ref p, ref p.SetChecksum), At(ref p, ref p.Flags), At(ref p, ref p.Custom), At(ref p, ref p.FirstCluster), At(ref p, ref p.DataLength)]);
        var s = default(ExFatSecondaryEntry);
        Assert.Equal([0, 1, 2, 20, 24],
            [At(ref s, ref s.Type), At(ref s, ref s.Flags), At(ref s, ref s.Custom), At(ref s, ref s.FirstCluster), At(ref s, ref s.DataLength)]);
    }

    [Fact]
    public void The_root_s_own_entries_have_the_layout_of_the_specification()
    {
        var b = default(ExFatBitmapEntry);
        Assert.Equal([0, 1, 20, 24], [At(ref b, ref b.Type), At(ref b, ref b.Flags), At(ref b, ref b.FirstCluster), At(ref b, ref b.DataLength)]);
        var u = default(ExFatUpcaseEntry);
        Assert.Equal([0, 4, 20, 24], [At(ref u, ref u.Type), At(ref u, ref u.TableChecksum), At(ref u, ref u.FirstCluster), At(ref u, ref u.DataLength)]);
        var l = default(ExFatLabelEntry);
        Assert.Equal([0, 1, 2, 24], [At(ref l, ref l.Type), At(ref l, ref l.CharacterCount), At(ref l, ref l.Units), At(ref l, ref l.Reserved)]);
        var g = default(ExFatVolumeGuidEntry);
        Assert.Equal([0, 1, 2, 4, 6, 22], [At(ref g, ref g.Type), At(ref g, ref g.SecondaryCount), At(ref g, ref g.SetChecksum), At(ref g, ref g.Flags), At(ref g, ref g.Guid), At(ref g, ref g.Reserved)]);
        var t = default(ExFatTexFatPaddingEntry);
        Assert.Equal([0, 1], [At(ref t, ref t.Type), At(ref t, ref t.Reserved)]);
    }

    [Fact]
    public void A_file_entry_has_the_layout_of_the_specification()
    {
        var s = default(ExFatFileEntry);
        Assert.Equal(1, At(ref s, ref s.SecondaryCount));
        Assert.Equal(2, At(ref s, ref s.SetChecksum));
        Assert.Equal(4, At(ref s, ref s.Attributes));
        Assert.Equal(6, At(ref s, ref s.Reserved1));
        Assert.Equal(8, At(ref s, ref s.Created));
        Assert.Equal(12, At(ref s, ref s.Modified));
        Assert.Equal(16, At(ref s, ref s.Accessed));
        Assert.Equal(20, At(ref s, ref s.CreatedTenMs));
        Assert.Equal(21, At(ref s, ref s.ModifiedTenMs));
        Assert.Equal(22, At(ref s, ref s.CreatedUtcOffset));
        Assert.Equal(23, At(ref s, ref s.ModifiedUtcOffset));
        Assert.Equal(24, At(ref s, ref s.AccessedUtcOffset));
        Assert.Equal(25, At(ref s, ref s.Reserved2));
    }

    [Fact]
    public void The_secondary_entries_have_the_layout_of_the_specification()
    {
        var s = default(ExFatStreamEntry);
        Assert.Equal([1, 2, 3, 4, 6, 8, 16, 20, 24],
        [
            At(ref s, ref s.Flags), At(ref s, ref s.Reserved1), At(ref s, ref s.NameLength), At(ref s, ref s.NameHash), At(ref s, ref s.Reserved2),
            At(ref s, ref s.ValidDataLength), At(ref s, ref s.Reserved3), At(ref s, ref s.FirstCluster), At(ref s, ref s.DataLength),
        ]);
        var n = default(ExFatNameEntry);
        Assert.Equal([1, 2], [At(ref n, ref n.Flags), At(ref n, ref n.Units)]);
        var e = default(ExFatVendorExtensionEntry);
        Assert.Equal([1, 2, 18], [At(ref e, ref e.Flags), At(ref e, ref e.Vendor), At(ref e, ref e.Defined)]);
        var a = default(ExFatVendorAllocationEntry);
        Assert.Equal([1, 2, 18, 20, 24], [At(ref a, ref a.Flags), At(ref a, ref a.Vendor), At(ref a, ref a.Defined), At(ref a, ref a.FirstCluster), At(ref a, ref a.DataLength)]);
    }

    private static int At<TStruct, TField>(ref TStruct whole, ref TField field) =>
        (int)Unsafe.ByteOffset(ref Unsafe.As<TStruct, byte>(ref whole), ref Unsafe.As<TField, byte>(ref field));
}
