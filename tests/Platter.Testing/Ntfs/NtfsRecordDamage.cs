using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using static Platter.FileSystems.Ntfs.NtfsAttributeType;
using static Platter.Testing.Ntfs.NtfsDamage;
using static Platter.Testing.Ntfs.NtfsSoundVolume;

namespace Platter.Testing.Ntfs;

/// <summary>Damage of boot sectors, the volume's own files and records.</summary>
internal static class NtfsRecordDamage
{
    // Records of Rich: 34 and 41 are directories, 37 and 49 have EAs, 38 an attribute list with 39 and 40, 44 and 48 are files, 46 has a stream.
    internal static readonly NtfsDamageKind[] Kinds =
    [
        new("a boot sector of another kind", Rich, "NTFS-0002 NTFS-0009", d => d.Bytes[3] = (byte)'X'),
        new("an odd sector size", Rich, "NTFS-0003 NTFS-0009", d => d.Bytes[0x0B] = 1),
        new("an odd cluster size", Rich, "NTFS-0004 NTFS-0009", d => d.Bytes[0x0D] = 127),
        new("an odd record size", Rich, "NTFS-0005 NTFS-0009", d => d.Bytes[0x40] = 0x30),
        new("an odd index block size", Rich, "NTFS-0006 NTFS-0009", d => d.Bytes[0x44] = 0x90),
        new("no sectors", Rich, "NTFS-0007 NTFS-0009", d => d.Bytes.Slice(0x28, 8).Clear()),
        new("an MFT behind the end", Rich, "NTFS-0008 NTFS-0009", d => d.Bytes[0x37] = 1),
        new("both boot sectors broken", Rich, "NTFS-0002", d =>
        {
            d.Bytes[3] = (byte)'X';
            d.Bytes[^509] = (byte)'X';
        }),
        new("a boot sector without an end", Rich, "NTFS-0010 NTFS-0013", d => d.Bytes[0x1FE] = 0),
        new("a mirror behind the end", Rich, "NTFS-0011 NTFS-0013 NTFS-0216", d => d.Bytes[0x3F] = 0x7F),
        new("a copy of the boot sector that is no boot sector", Rich, "NTFS-0012", d => d.Bytes[^512..].Clear()),
        new("a copy of the boot sector with another serial number", Rich, "NTFS-0013", d => d.Bytes[^(512 - 0x48)] ^= 1),
        new("a dirty volume", Small, "NTFS-0015 NTFS-0140", d => d.EditValue(d.Record(3), VolumeInformation, v => v.Span[0x0A] = 1)),
        new("a volume of an unknown version", Small, "NTFS-0019 NTFS-0140", d => d.EditValue(d.Record(3), VolumeInformation, v => v.Span[0x08] = 4)),
        new("a volume with unknown flags", Small, "NTFS-0020 NTFS-0140", d => d.EditValue(d.Record(3), VolumeInformation, v => v.Span[0x0B] = 0x20)),
        new("a label of half a unit", Small, "NTFS-0021 NTFS-0140", d => d.Edit(d.Record(3), VolumeName, a => a.Span[0x10]--)),
        new("a log that was not closed", Small, "NTFS-0016", d =>
        {
            var log = NtfsDamageKinds.Sound(Linked);
            var from = (int)log.Place(log.Record(2), Data, 0);
            log.Bytes.Slice(from, 8192).CopyTo(d.Bytes[(int)d.Place(d.Record(2), Data, 0)..]);
        }),
        new("a log that is garbage", Small, "NTFS-0017", d => d.Bytes.Slice((int)d.Place(d.Record(2), Data, 0), 8192).Fill(7)),

        new("a record of another magic", Rich, "NTFS-0101", d => "XXXX"u8.CopyTo(d.Bytes[(int)d.Record(44).Offset..])),
        new("a torn record", Rich, "NTFS-0102", d => d.Bytes[(int)d.Record(44).Offset + 1023] ^= 0x55),
        new("a record of another size", Rich, "NTFS-0103", d => d.Edit(d.Record(44), r => r[0x1D] = 8)),
        new("record 0 torn", Rich, "NTFS-0102", d => d.Bytes[(int)d.Record(0).Offset + 511] ^= 0x55),
        new("an attribute that is too long", Rich, "NTFS-0105", d => d.Edit(d.Record(44), FileName, a => a.Span[5] = 8)),
        new("an attribute's name outside of it", Rich, "NTFS-0106", d => d.Edit(d.Record(46), Data, a => a.Span[9] = 200, "goodbye.txt")),
        new("a resident value outside of its attribute", Rich, "NTFS-0107", d => d.Edit(d.Record(44), Data, a => a.Span[0x10] = 250)),
        new("impossible clusters of an attribute", Rich, "NTFS-0108", d => d.Edit(d.Record(33), Data, a => a.Span[0x1F] = 0x40)),
        new("a record that calls itself another", Rich, "NTFS-0114", d => d.Edit(d.Record(44), r => r[0x2C]++)),
        new("attributes out of order", Rich, "NTFS-0115", d => d.Insert(d.Record(44), VolumeName, "", [1, 0])),
        new("streams out of order", Rich, "NTFS-0115", d => d.Insert(d.Record(46), Data, "a", [1])),
        new("an attribute that is there twice", Rich, "NTFS-0115 NTFS-0120", d => d.Insert(d.Record(46), Data, "goodbye.txt", [1])),
        new("an instance that is used twice", Rich, "NTFS-0116", d => d.Edit(d.Record(44), Data, a => Put16(a.Span, 0x0E, 0))),
        new("an instance that is given to the next", Rich, "NTFS-0116", d => d.Edit(d.Record(44), r => Put16(r, 0x28, 0))),
        new("a link too many", Rich, "NTFS-0117", d => d.Edit(d.Record(44), r => r[0x12]++)),
        new("no links", Rich, "NTFS-0117", d => d.Edit(d.Record(44), r => r[0x12] = 0)),
        new("a count of bytes that is too large", Rich, "NTFS-0125", d => d.Edit(d.Record(44), r => Put32(r, 0x18, OnDisk.View<U32Le>(r, 0x18) + 8))),
        new("standard information of another length", Rich, "NTFS-0126", d => d.Edit(d.Record(44), StandardInformation, a => a.Span[0x10] = 56)),
        new("a file without standard information", Rich, "NTFS-0112", d => d.Cut(d.Record(44), StandardInformation)),
        new("a file without a name", Rich, "NTFS-0117 NTFS-0129 NTFS-0315", d => d.Cut(d.Record(44), FileName)),
        new("a file without data", Rich, "NTFS-0145", d => d.Cut(d.Record(36), Data)),
        new("a type that is not defined", Rich, "NTFS-0134", d => d.Insert(d.Record(44), FirstUserDefined, "", [1])),
        new("a sequence number of 0", Rich, "NTFS-0104 NTFS-0144", d => d.Edit(d.Record(44), r => Put16(r, 0x10, 0))),
        new("a directory that calls itself a file", Rich, "NTFS-0127 NTFS-0128 NTFS-0132 NTFS-0317", d => d.Edit(d.Record(34), r => r[0x16] = 1)),
        new("a file that calls itself a directory", Rich, "NTFS-0112 NTFS-0127 NTFS-0317", d => d.Edit(d.Record(44), r => r[0x16] = 3)),
        new("a file that says it has a view index", Rich, "NTFS-0128", d => d.Edit(d.Record(44), r => r[0x16] = 9)),
        new("a view index that is not announced", Rich, "NTFS-0128", d => d.Edit(d.Record(25), r => r[0x16] = 5)),
        new("a system file that is free", Rich, "NTFS-0104 NTFS-0142 NTFS-0212", d => d.Edit(d.Record(10), r => r[0x16] = 0)),
        new("a system file of another name", Small, "NTFS-0142 NTFS-0314 NTFS-0315", d => d.EditValue(d.Record(8), FileName, v => v.Span[66 + 4] ^= 1)),
        new("an index of blocks without a root", Rich, "NTFS-0112", d => d.Cut(d.Record(5), IndexRoot, "$I30")),

        new("a mirror that differs", Rich, "NTFS-0140", d => d.Bytes[(int)d.Place(d.Record(1), Data, 1024 + 0x12)]++),
        new("a mirror that is torn", Rich, "NTFS-0140", d => d.Bytes[(int)d.Place(d.Record(1), Data, 511)]++),
        new("a bitmap of records that is too short", Small, "NTFS-0138 NTFS-0140", d => d.Edit(d.Record(0), NtfsAttributeType.Bitmap, a => a.Span[0x30] = a.Span[0x38] = 8)),
        new("a record in use, free in the bitmap", Rich, "NTFS-0136", d => d.Bytes[(int)d.Place(d.Record(0), NtfsAttributeType.Bitmap, 5)] ^= 1 << 4),
        new("a free record, in use in the bitmap", Small, "NTFS-0137", d => d.Bytes[(int)d.Place(d.Record(0), NtfsAttributeType.Bitmap, 4)] ^= 1),
        new("a free record that is not formatted", Small, "NTFS-0139", d => "XXXX"u8.CopyTo(d.Bytes[((int)d.Record(26).Offset + 1024)..])),
        new("a table of records that ends in a hole", Small, "NTFS-0100 NTFS-0140 NTFS-0141 NTFS-0208", d => d.Edit(d.Record(0), Data, a =>
        {
            // 12 clusters, then a hole of 7.
            byte[] runs = [0x11, 12, 4, 0x01, 7, 0];
            runs.CopyTo(RunsOf(a.Span));
        })),

        new("an attribute list that is broken", Rich, "NTFS-0110", d => d.EditValue(d.Record(38), AttributeList, v => v.Span[4] = 3)),
        new("an attribute list that names what is not there", Rich, "NTFS-0111 NTFS-0119", d => d.EditValue(d.Record(38), AttributeList, v => v.Span[0x18] = 0x77)),
        new("an attribute list that names another's record", Rich, "NTFS-0111", d => d.EditValue(d.Record(38), AttributeList, v => v.Span[0x50] = 44)),
        new("an attribute list that names no record", Rich, "NTFS-0100", d => d.EditValue(d.Record(38), AttributeList, v => v.Span[0x52] = 44)),
        new("an attribute list with a stale reference", Rich, "NTFS-0104", d => d.EditValue(d.Record(38), AttributeList, v => v.Span[0x56]++)),
        new("an attribute that the list does not name", Rich, "NTFS-0119", d => d.Insert(d.Record(38), ObjectId, "", new byte[16], PropertySet)),
        new("names at another place in an attribute list", Rich, "NTFS-0121", d => d.EditValue(d.Record(38), AttributeList, v => v.Span[7] = 0x20)),
        new("an attribute list out of order", Rich, "NTFS-0121", d => d.EditValue(d.Record(38), AttributeList, v =>
        {
            byte[] swapped = [.. v.Span[32..64], .. v.Span[..32]];
            swapped.CopyTo(v.Span);
        })),
        new("an extension record of a file of another time", Rich, "NTFS-0122", d => d.Edit(d.Record(39), r => r[0x26]++)),
        new("an extension record that nobody names", Rich, "NTFS-0104 NTFS-0118", d => d.Edit(d.Record(44), r => Put64(r, 0x20, 0x0001_0000_0000_0024))),
        new("extents with a gap", Rich, "NTFS-0120", d =>
        {
            d.Edit(d.Record(40), Data, a =>
            {
                Put64(a.Span, 0x18, OnDisk.View<U64Le>(a.Span, 0x18) + 16);
                Put64(a.Span, 0x10, OnDisk.View<U64Le>(a.Span, 0x10) + 16);
            });
            d.EditValue(d.Record(38), AttributeList, v => Put64(v.Span, 0x68, OnDisk.View<U64Le>(v.Span, 0x68) + 16));
        }),

        new("a $FILE_NAME of no namespace", Rich, "NTFS-0113", d => d.EditValue(d.Record(44), FileName, v => v.Span[0x41] = 9)),
        new("a name with a unit that none may have", Rich, "NTFS-0131 NTFS-0314 NTFS-0315", d => d.EditValue(d.Record(44), FileName, v => v.Span[66] = (byte)'/')),
        new("a Windows name with a unit that those may not have", Linked, "NTFS-0131 NTFS-0314 NTFS-0315", d => d.EditValue(d.Record(39), FileName, v =>
        {
            v.Span[0x41] = 1;
            v.Span[66] = (byte)'?';
        })),
        new("a short name that is long", Linked, "NTFS-0131 NTFS-0314 NTFS-0315", d => d.EditValue(d.Record(36), FileName, v => v.Span[66 + 2 * 2] = (byte)'.')),
        new("a short name without its long one", Linked, "NTFS-0130 NTFS-0314 NTFS-0315", d => EditName(d, 36, "half-life", v => v[0x41] = 0)),
        new("two short names", Linked, "NTFS-0130 NTFS-0131 NTFS-0314 NTFS-0315", d => EditName(d, 36, "half-life", v => v[0x41] = 2)),
        new("a directory with two names", Linked, "NTFS-0130 NTFS-0314 NTFS-0315", d => d.EditValue(d.Record(36), FileName, v => v.Span[0x41] = 0)),
        new("a parent that is no directory", Rich, "NTFS-0132 NTFS-0315", d => d.EditValue(d.Record(44), FileName, v => v.Span[0] = 37)),
        new("a parent of another time", Rich, "NTFS-0132 NTFS-0315", d => d.EditValue(d.Record(44), FileName, v => v.Span[6]++)),
        new("a name that is not marked as indexed", Rich, "NTFS-0133", d => d.Edit(d.Record(44), FileName, a => a.Span[0x16] = 0)),
        new("a reparse point that is not marked", Linked, "NTFS-0127", d => d.EditValue(d.Record(40), StandardInformation, v => v.Span[0x21] &= 0xFB)),
        new("a mark of a reparse point where none is", Rich, "NTFS-0127", d => d.EditValue(d.Record(44), StandardInformation, v => v.Span[0x21] |= 4)),
        new("compressed data that is not marked", Rich, "NTFS-0127", d => d.EditValue(d.Record(38), StandardInformation, v => v.Span[0x21] &= 0xF7)),
        new("encrypted data without keys", Rich, "NTFS-0127", d => d.Edit(d.Record(33), Data, a => a.Span[0x0D] = 0x40)),
        new("EAs without their sums", Rich, "NTFS-0143", d => d.Cut(d.Record(37), EaInformation)),
        new("EAs with wrong sums", Rich, "NTFS-0143", d => d.EditValue(d.Record(37), EaInformation, v => v.Span[0]++)),
        new("EAs that are broken", Rich, "NTFS-0501", d => d.EditValue(d.Record(37), Ea, v => v.Span[5] = 0xFF)),
        new("a reparse point that is broken", Linked, "NTFS-0500", d => d.EditValue(d.Record(40), ReparsePoint, v => v.Span[10] = 0xFF)),
        new("an object id that is too short", Rich, "NTFS-0423 NTFS-0502", d => d.Edit(d.Record(45), ObjectId, a => a.Span[0x10] = 8)),
    ];

    // The value of a name that is not the record's first one.
    private static void EditName(NtfsDamage damage, long number, string name, Action<byte[]> change)
    {
        var record = damage.Record(number);
        foreach (var attribute in record.Attributes)
        {
            if (attribute.Type != FileName || !NtfsCollation.NameOf(attribute.Value).SequenceEqual(name))
                continue;
            var at = attribute.Offset + OnDisk.View<NtfsResidentHeader>(attribute.Bytes).ValueOffset;
            var value = attribute.Value.ToArray();
            change(value);
            damage.Edit(record, bytes => value.CopyTo(bytes, at));
            return;
        }
    }
}
