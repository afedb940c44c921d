using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Primitives.Codecs;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Values that are laid down: extended attributes, reparse points, special files, keys of views, compressed units.</summary>
public class NtfsNewAttributesTests
{
    [Fact]
    public void Extended_attributes_come_back_and_are_counted_as_Windows_counts_them()
    {
        NtfsEa[] attributes = [new("NAME", [1, 2, 3], 0), new("x", [], NtfsEaEntry.NeedEa), new("$KERNEL.PURGE", new byte[1000], 0)];
        var (value, information) = NtfsNewExtendedAttributes.Build(attributes);
        Assert.Equal("10000000" + "00" + "04" + "0300" + "4E414D45" + "00" + "010203", Convert.ToHexString(value.AsSpan(0, 16)));
        Assert.Equal(0, value.Length % 4);
        var back = new List<NtfsEa>();
        Assert.Null(NtfsExtendedAttributes.Parse(value, back));
        Assert.Equal(attributes.Select(a => (a.Name, Convert.ToHexString(a.Value), a.Flags)), back.Select(a => (a.Name, Convert.ToHexString(a.Value), a.Flags)));
        ref readonly var counts = ref OnDisk.View<NtfsEaInformation>(information);
        Assert.Equal(5 + 4 + 3 + 5 + 1 + 5 + 13 + 1000, counts.PackedLength);
        Assert.Equal(1, counts.NeedCount);
        Assert.Equal((uint)value.Length, (uint)counts.QueryLength);
        Assert.Equal(([], []), NtfsNewExtendedAttributes.Build([]));
    }

    [Fact]
    public void Extended_attributes_that_Windows_could_not_hold_are_refused()
    {
        Assert.Throws<InvalidNameException>(() => NtfsNewExtendedAttributes.Build([new("", [1], 0)]));
        Assert.Throws<InvalidNameException>(() => NtfsNewExtendedAttributes.Build([new(new string('x', 255), [1], 0)]));
        Assert.Throws<InvalidNameException>(() => NtfsNewExtendedAttributes.Build([new("語", [1], 0)]));
        Assert.Throws<UnsupportedFeatureException>(() => NtfsNewExtendedAttributes.Build([new("a", new byte[65536], 0)]));
        Assert.Throws<UnsupportedFeatureException>(() => NtfsNewExtendedAttributes.Build([new("a", new byte[40_000], 0), new("b", new byte[40_000], 0)]));
    }

    [Fact]
    public void Owner_mode_and_device_of_WSL_come_back()
    {
        var attributes = NtfsNewExtendedAttributes.Linux(EntryKind.BlockDevice, 0x1A4, 1000, 100, new DeviceNumber(8, 17));
        Assert.Equal(["$LXUID", "$LXGID", "$LXMOD", "$LXDEV"], attributes.Select(a => a.Name));
        Assert.Equal("A4610000", Convert.ToHexString(attributes[2].Value));
        var metadata = NtfsExtendedAttributes.Apply(new FileMetadata { Kind = EntryKind.BlockDevice }, [.. attributes]);
        Assert.Equal((0x1A4, 1000u, 100u, new DeviceNumber(8, 17)), (metadata.Mode, metadata.UserId, metadata.GroupId, metadata.Device));
        Assert.Empty(NtfsNewExtendedAttributes.Linux(EntryKind.File, null, null, null, null));
    }

    [Theory]
    [InlineData("file", @"file", true)]
    [InlineData("../up/and down", @"..\up\and down", true)]
    [InlineData("/from/the/root", @"\from\the\root", true)]
    [InlineData("ünï\uD800", "ünï\uD800", true)]
    [InlineData("C:/Windows", @"\??\C:\Windows", false, "/Windows")]
    [InlineData("//server/share/x", @"\??\UNC\server\share\x", false, "//server/share/x")]
    public void A_symbolic_link_is_one_that_Windows_follows(string target, string substitute, bool isRelative, string? read = null)
    {
        var value = NtfsNewReparsePoint.SymbolicLink(target);
        Assert.Equal(0xA000000Cu, BitConverter.ToUInt32(value));
        Assert.Equal(value.Length - 8, BitConverter.ToUInt16(value, 4));
        Assert.Equal(isRelative ? 1u : 0u, BitConverter.ToUInt32(value, 16));
        Assert.Equal(substitute, Name(value, 8, 20, 0));
        Assert.Equal(target.Replace('/', '\\'), Name(value, 8, 20, 4));
        Assert.Null(NtfsReparsePoint.Parse(value, out var point));
        Assert.Equal((EntryKind.SymbolicLink, read ?? target), (point!.Kind, point.Target));
    }

    [Fact]
    public void A_junction_is_absolute_and_its_names_end_in_zeros()
    {
        var value = NtfsNewReparsePoint.Junction("/a/b", 'D');
        Assert.Equal(@"\??\D:\a\b", Name(value, 8, 16, 0));
        Assert.Equal(@"D:\a\b", Name(value, 8, 16, 4));
        Assert.Equal(0, BitConverter.ToUInt16(value, 16 + 2 * @"\??\D:\a\b".Length));
        Assert.Equal(0, BitConverter.ToUInt16(value, value.Length - 2));
        Assert.Null(NtfsReparsePoint.Parse(value, out var point));
        Assert.Equal("/a/b", point!.Target);
        Assert.Throws<ArgumentException>(() => NtfsNewReparsePoint.Junction("a/b"));
        Assert.Throws<ArgumentException>(() => NtfsNewReparsePoint.Junction("/" + new string('x', 5000)));
    }

    [Fact]
    public void Files_of_WSL_and_of_Interix_come_back_as_what_they_are()
    {
        foreach (var kind in new[] { EntryKind.Fifo, EntryKind.Socket, EntryKind.CharacterDevice, EntryKind.BlockDevice })
        {
            Assert.Null(NtfsReparsePoint.Parse(NtfsNewReparsePoint.LxSpecial(kind), out var point));
            Assert.Equal(kind, point!.Kind);
            var interix = NtfsInterix.Parse(NtfsNewInterix.Special(kind, new DeviceNumber(7, 300)))!.Value;
            Assert.Equal(kind, interix.Kind);
            Assert.Equal(kind is EntryKind.CharacterDevice or EntryKind.BlockDevice ? new DeviceNumber(7, 300) : null, interix.Device);
        }
        Assert.Null(NtfsReparsePoint.Parse(NtfsNewReparsePoint.LxSymbolicLink("a\\b/\uDCFFc"), out var link));
        Assert.Equal("a\\b/\uDCFFc", link!.Target);
        Assert.Equal("../x y", NtfsInterix.Parse(NtfsNewInterix.Link("../x y"))!.Value.Target);
        Assert.Throws<ArgumentOutOfRangeException>(() => NtfsNewReparsePoint.LxSpecial(EntryKind.File));
    }

    [Theory]
    [InlineData("a/b", true)]
    [InlineData("/", true)]
    [InlineData("/x", true)]
    [InlineData("", false)]
    [InlineData("a\\b", false)]
    [InlineData("a/", false)]
    [InlineData("//x", false)]
    [InlineData("c:x", false)]
    [InlineData("stream:x", false)]
    [InlineData("a*", false)]
    public void A_target_that_would_not_come_back_is_told(string target, bool expected)
    {
        Assert.Equal(expected, NtfsNewReparsePoint.IsWindowsTarget(target));
        if (!expected)
            return;
        Assert.Null(NtfsReparsePoint.Parse(NtfsNewReparsePoint.SymbolicLink(target), out var point));
        Assert.Equal(target, point!.Target);
    }

    [Fact]
    public void Keys_of_views_have_the_bytes_that_Windows_has()
    {
        var file = new NtfsReference(0x40, 2);
        Assert.Equal("1C00000000000000" + "20000C0000000000" + "0C0000A0" + "4000000000000200" + "00000000", Convert.ToHexString(NtfsViewKeys.ReparseEntry(0xA000000C, file)));
        var id = Enumerable.Range(1, 16).Select(i => (byte)i).ToArray();
        var entry = Convert.ToHexString(NtfsViewKeys.ObjectIdEntry(id, file));
        Assert.Equal("2000380000000000" + "5800100000000000" + Convert.ToHexString(id) + "4000000000000200" + new string('0', 96), entry);
        byte[] full = [.. id, .. Enumerable.Range(17, 48).Select(i => (byte)i)];
        Assert.EndsWith(Convert.ToHexString(full.AsSpan(16)), Convert.ToHexString(NtfsViewKeys.ObjectIdEntry(full, file)), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => NtfsViewKeys.ObjectIdEntry(new byte[20], file));
    }

    [Fact]
    public void Quotas_that_are_tracked_are_marked_as_out_of_date()
    {
        var storage = new MemoryIndexStorage(NtfsCollationRule.UnsignedLong, 4096, 4096, 600);
        var editor = new NtfsIndexEditor(storage, MemoryIndexStorage.Upcase, "$Q");
        Assert.False(NtfsViewKeys.MarkQuotaOutOfDate(editor));
        var data = new byte[NtfsQuotaData.Size];
        OnDisk.Edit<NtfsQuotaData>(data).Flags = 1;
        editor.TryInsert(NtfsIndexEntries.OfView([1, 0, 0, 0], data));
        Assert.False(NtfsViewKeys.MarkQuotaOutOfDate(editor));
        OnDisk.Edit<NtfsQuotaData>(data).Flags = 0x11;
        editor.TryUpdate(NtfsIndexEntries.OfView([1, 0, 0, 0], data));
        Assert.True(NtfsViewKeys.MarkQuotaOutOfDate(editor));
        Assert.True(NtfsViewKeys.MarkQuotaOutOfDate(editor));
        Assert.Equal(0x211u, (uint)OnDisk.View<NtfsQuotaData>(editor.Find([1, 0, 0, 0])!.Value.Data).Flags);
    }

    [Theory]
    [InlineData(512)]
    [InlineData(1024)]
    [InlineData(4096)]
    public void Units_are_holes_compressed_or_plain_and_come_back(int clusterSize)
    {
        var unitSize = clusterSize << NtfsCompressionUnit.Shift;
        var packer = new NtfsCompressionUnit(unitSize, clusterSize);
        var random = new Random(clusterSize);
        var (holes, plain, packed) = (0, 0, 0);
        for (var round = 0; round < 120; round++)
        {
            var content = new byte[round % 3 == 0 ? random.Next(1, unitSize + 1) : unitSize];
            // Zeros, noise, and both in parts.
            for (var at = 0; at < content.Length && round % 4 != 0; at += 512)
            {
                if (random.Next(4) < round % 5)
                    random.NextBytes(content.AsSpan(at, Math.Min(512, content.Length - at)));
            }
            var isPacked = packer.Pack(content, out var stored);
            Assert.Equal(0, stored.Length % clusterSize);
            var back = new byte[unitSize];
            if (isPacked)
            {
                Assert.InRange(stored.Length, clusterSize, unitSize - clusterSize);
                Assert.Null(Lznt1.Decompress(stored, back));
                packed++;
            }
            else if (stored.IsEmpty)
            {
                holes++;
            }
            else
            {
                Assert.Equal(unitSize, stored.Length);
                stored.CopyTo(back);
                plain++;
            }
            Assert.Equal(content, back.AsSpan(0, content.Length).ToArray());
            Assert.False(back.AsSpan(content.Length).ContainsAnyExcept((byte)0));
        }
        Assert.True(holes > 5 && plain > 5 && packed > 20, $"{holes} holes, {plain} plain, {packed} compressed");
    }

    private static string Name(byte[] value, int names, int buffer, int which) =>
        NtfsCollation.Units(value.AsSpan(buffer + BitConverter.ToUInt16(value, names + which), BitConverter.ToUInt16(value, names + which + 2))).ToString();
}
