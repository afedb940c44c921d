using System.Text;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;
using Xunit;
using static Platter.FileSystems.Ntfs.NtfsAttributeType;
using static Platter.Testing.Ntfs.NtfsDamage;
using static Platter.Testing.Ntfs.NtfsDamageKinds;
using static Platter.Testing.Ntfs.NtfsSoundVolume;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Damage of boot sectors, the volume's own files and records.</summary>
public class NtfsCheckRecordTests : NtfsCheckBase
{
    public static TheoryData<string> Names => NamesOf(NtfsRecordDamage.Kinds);

    [Theory, MemberData(nameof(Names))]
    public void Damage_is_found(string what) => Expect(NtfsRecordDamage.Kinds, what);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_sound_volume_has_no_other_findings_than_these(int volume) =>
        Assert.Equal(SoundCodes((NtfsSoundVolume)volume), string.Join(' ', Sound((NtfsSoundVolume)volume).Findings()));

    [Fact]
    public void A_device_without_room_for_a_boot_sector_is_told()
    {
        var report = new NtfsType().Check(new Platter.Blocks.MemoryDevice(new byte[100]), CheckOptions.Default);
        Assert.Equal("NTFS-0001", Assert.Single(report.Findings).Code);
    }

    [Fact]
    public void An_image_that_was_cut_is_told()
    {
        var whole = Sound(Rich).Bytes;
        var cut = new NtfsDamage(whole[..(whole.Length - 4096)].ToArray());
        Assert.Contains("NTFS-0014", cut.Findings());
        var copyless = new NtfsDamage(whole[..(whole.Length - 512)].ToArray());
        Assert.Equal(["NTFS-0012", "NTFS-0016", "NTFS-0135", "NTFS-0139"], copyless.Findings().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Both_copies_of_record_0_broken_leave_nothing_to_check()
    {
        var damage = Sound(Small);
        damage.Bytes[(int)damage.Place(damage.Record(1), Data, 0)] = (byte)'X';
        damage.Bytes[(int)damage.Record(0).Offset] = (byte)'X';
        Assert.Equal(["NTFS-0101"], damage.Findings());
    }

    [Fact]
    public void Hibernation_is_noted()
    {
        var damage = Sound(Small);
        var record = damage.Record(67);
        // A name as long as that of a file which is there.
        const string name = "hiberfil.sys";
        damage.EditValue(record, Data, v => "hibr"u8.CopyTo(v.Span));
        var value = new byte[66 + 2 * name.Length];
        record.TryFind(FileName, "", out var old);
        old.Value[..66].CopyTo(value);
        value[0x40] = (byte)name.Length;
        Encoding.Unicode.GetBytes(name).CopyTo(value, 66);
        damage.EditBlock(damage.Record(5), "$I30", 0, block =>
        {
            const int header = NtfsIndexBlock.HeaderOffset;
            var at = NtfsDamage.EntryOf(block, header, "file1");
            var entry = new byte[16 + value.Length + 7 & ~7];
            block.AsSpan(at, 16).CopyTo(entry);
            Put16(entry, 8, entry.Length);
            Put16(entry, 10, value.Length);
            value.CopyTo(entry, 16);
            NtfsDamage.CutEntry(block, header, at);
            var end = NtfsDamage.Entries(block, header)[^1];
            block.AsSpan(end, 16).ToArray().CopyTo(block.AsSpan(end + entry.Length));
            entry.CopyTo(block, end);
            Put32(block, header + 4, OnDisk.View<U32Le>(block, header + 4) + (uint)entry.Length);
        });
        Assert.Contains("NTFS-0018", damage.Findings());
    }
}
