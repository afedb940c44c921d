using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using static Platter.FileSystems.Ntfs.NtfsAttributeType;
using static Platter.Testing.Ntfs.NtfsDamage;
using static Platter.Testing.Ntfs.NtfsSoundVolume;

namespace Platter.Testing.Ntfs;

/// <summary>Damage of content, clusters, indexes and what $Secure and $Extend keep.</summary>
internal static class NtfsIndexDamage
{
    private const int Block = NtfsIndexBlock.HeaderOffset, Root = NtfsIndexRoot.Size;

    internal static readonly NtfsDamageKind[] Kinds =
    [
        new("an allocated size that is not that of the clusters", Rich, "NTFS-0205", d => d.Edit(d.Record(33), Data, a => a.Span[0x29] += 4)),
        new("an allocated size of broken clusters", Rich, "NTFS-0205", d => d.Edit(d.Record(33), Data, a => a.Span[0x28]++)),
        new("content longer than its clusters", Linked, "NTFS-0201", d => d.Edit(d.Record(38), Data, a => a.Span[0x33] = a.Span[0x3B] = 0x10)),
        new("more initialised than there is", Linked, "NTFS-0206", d => d.Edit(d.Record(38), Data, a => a.Span[0x38]++)),
        new("a wrong sum of clusters that are there", Rich, "NTFS-0207", d => d.Edit(d.Record(39), Data, a => a.Span[0x41] += 4)),
        new("a sparse stream that does not say what is there", Linked, "NTFS-0127 NTFS-0207", d => d.Edit(d.Record(38), Data, a => a.Span[0x0D] = 0x80)),
        new("a hole in what is not sparse", Linked, "NTFS-0208 NTFS-0212", d => d.Edit(d.Record(38), Data, a =>
        {
            // The first run becomes a hole of the same length; what is behind does not count.
            int at = OnDisk.View<U16Le>(a.Span, 0x20), length = a.Span[at] & 15;
            a.Span[at] = (byte)length;
            a.Span[at + 1 + length] = 0;
        })),
        new("a compressed file of odd units", Rich, "NTFS-0209", d => d.Edit(d.Record(39), Data, a => a.Span[0x22] = 3)),
        new("a broken run list", Linked, "NTFS-0200", d => d.Edit(d.Record(38), Data, a => a.Span[OnDisk.View<U16Le>(a.Span, 0x20)] = 0x9F)),
        new("a run list outside of the volume", Linked, "NTFS-0200", d => d.Edit(d.Record(38), Data, a => RunsOf(a.Span)[2] = 0x80)),
        new("a run list that goes on", Linked, "NTFS-0200", d => d.Edit(d.Record(38), Data, a => RunsOf(a.Span)[3] = 0x11)),
        new("clusters that two files have", Linked, "NTFS-0210 NTFS-0212", d =>
        {
            // The longer file gets clusters of the shorter one.
            d.Record(38).TryFind(Data, "", out var other);
            var runs = other.RunBytes.ToArray();
            d.Edit(d.Record(39), Data, a =>
            {
                int at = OnDisk.View<U16Le>(a.Span, 0x20), length = a.Span[at] & 15;
                runs.AsSpan(1 + (runs[0] & 15), runs[0] >> 4).CopyTo(a.Span[(at + 1 + length)..]);
            });
        }),
        new("clusters in use that are free in the bitmap", Linked, "NTFS-0211", d => EditBitmap(d, d.Record(38), false)),
        new("clusters of nobody that are in use in the bitmap", Linked, "NTFS-0145 NTFS-0212", d => d.Cut(d.Record(38), Data, "")),
        new("a bitmap that is too short", Small, "NTFS-0211 NTFS-0213", d => d.Edit(d.Record(6), Data, a => a.Span[0x30] = a.Span[0x38] = 8)),
        new("bits behind the last cluster that are free", Small, "NTFS-0214", d => d.Bytes[(int)d.Place(d.Record(6), Data, 63)] &= 0x7F),
        new("bad clusters", Small, "NTFS-0211 NTFS-0215", d => d.Edit(d.Record(8), Data, a =>
        {
            // 511 clusters in all: a hole of 510, and one that is bad.
            byte[] runs = [0x02, 0xFE, 0x01, 0x21, 1, 0xF4, 0x01, 0];
            runs.CopyTo(RunsOf(a.Span));
        }, "$Bad")),
        new("a boot file that starts elsewhere", Small, "NTFS-0211 NTFS-0212 NTFS-0216", d => d.Edit(d.Record(7), Data, a =>
        {
            // The one run at cluster 0 has, with mkntfs, an offset of one byte.
            int at = OnDisk.View<U16Le>(a.Span, 0x20), length = a.Span[at] & 15;
            a.Span[at + 1 + length] = 30;
        })),
        new("an extent that is resident", Small, "NTFS-0115 NTFS-0120", d => d.Insert(d.Record(68), Data, "", [1])),
        new("a $FILE_NAME that is not resident", Small, "NTFS-0117 NTFS-0123 NTFS-0129 NTFS-0315", d => d.Edit(d.Record(66), FileName, a =>
        {
            a.Span[8] = 1;
            a.Span[0x10..0x40].Clear();
            Put64(a.Span, 0x18, ulong.MaxValue);
            Put16(a.Span, 0x20, 0x48);
            a.Span[0x48] = 0;
        })),

        new("an index root that is broken", Rich, "NTFS-0300", d => d.EditValue(d.Record(34), IndexRoot, v => v.Span[8] = 3, "$I30")),
        new("an index of another attribute", Rich, "NTFS-0313", d => d.EditValue(d.Record(5), IndexRoot, v => v.Span[4] = 0, "$I30")),
        new("an index with other units", Rich, "NTFS-0313", d => d.EditValue(d.Record(5), IndexRoot, v => v.Span[12] = 1, "$I30")),
        new("an index with other blocks", Rich, "NTFS-0313", d => d.EditValue(d.Record(34), IndexRoot, v => (v.Span[9], v.Span[12]) = (8, 2), "$I30")),
        new("an index that is compressed", Rich, "NTFS-0207 NTFS-0217", d => d.Edit(d.Record(5), IndexAllocation, a => (a.Span[0x0C], a.Span[0x22]) = (1, 4), "$I30")),
        new("an index block of another magic", Rich, "NTFS-0301", d => d.Bytes[(int)d.Place(d.Record(5), IndexAllocation, 0, "$I30")] = (byte)'X'),
        new("a torn index block", Rich, "NTFS-0301", d => d.Bytes[(int)d.Place(d.Record(5), IndexAllocation, 511, "$I30")]++),
        new("an index block that calls itself another", Rich, "NTFS-0301", d => EditRootBlock(d, b => b[0x10] = 4)),
        new("an index entry without an end", Rich, "NTFS-0302", d => EditRootBlock(d, b => b[Entries(b, Block)[^1] + 12] = 0)),
        new("an index entry of length 0", Rich, "NTFS-0302", d => EditRootBlock(d, b => b[Entries(b, Block)[2] + 8] = 0)),
        new("a key that is broken", Rich, "NTFS-0303 NTFS-0314", d => EditRootBlock(d, b => b[EntryOf(b, Block, "another_file.txt") + 16 + 0x41] = 9)),
        new("a name of another directory", Rich, "NTFS-0305 NTFS-0314", d => EditRootBlock(d, b => b[EntryOf(b, Block, "another_file.txt") + 16] = 41)),
        new("a name of the directory of another time", Rich, "NTFS-0305", d => EditRootBlock(d, b => b[EntryOf(b, Block, "another_file.txt") + 16 + 6]++)),
        new("a root that leads to no block", Rich, "NTFS-0306", d => d.EditValue(d.Record(5), IndexRoot, v => v.Span[^8] = 0x70, "$I30")),
        new("a root that leads into the midst of a block", Rich, "NTFS-0306", d => d.EditValue(d.Record(5), IndexRoot, v => v.Span[^8] = 1, "$I30")),
        new("an index that comes back to a block", Rich, "NTFS-0304 NTFS-0307", d => EditRootBlock(d, b =>
        {
            // The block's end entry leads to the block itself.
            var at = Entries(b, Block)[^1];
            b[at + 8] = 24;
            b[at + 12] |= (byte)NtfsIndexEntry.HasSubNode;
            Put64(b, at + 16, 0);
            Put32(b, Block + 4, OnDisk.View<U32Le>(b, Block + 4) + 8);
        })),
        new("a node that says it has no sub-nodes", Rich, "NTFS-0307", d => EditRootBlock(d, b => b[Block + 12] = 1)),
        new("names out of order", Rich, "NTFS-0308", d => EditRootBlock(d, b => SwapEntries(b, Entries(b, Block)[3]))),
        new("names out of order in a root", Rich, "NTFS-0308", d => d.EditValue(d.Record(34), IndexRoot, v => SwapEntries(v.Span, Entries(v.Span, Root)[0]), "$I30")),
        new("an index block in use that is free", Rich, "NTFS-0309", d => d.EditValue(d.Record(5), NtfsAttributeType.Bitmap, v => v.Span[0] = 0, "$I30")),
        new("an index block of nobody that is in use", Rich, "NTFS-0310", d => d.EditValue(d.Record(5), NtfsAttributeType.Bitmap, v => v.Span[0] = 3, "$I30")),
        new("an index whose blocks are missing", Rich, "NTFS-0306 NTFS-0311", d => d.Cut(d.Record(5), IndexAllocation, "$I30")),
        new("an index whose bitmap is missing", Rich, "NTFS-0311", d => d.Cut(d.Record(5), NtfsAttributeType.Bitmap, "$I30")),
        new("an index whose bitmap is empty", Rich, "NTFS-0311", d => d.Edit(d.Record(5), NtfsAttributeType.Bitmap, a => a.Span[0x10] = 0, "$I30")),
        new("an index block without entries", Rich, "NTFS-0312 NTFS-0413", d => d.EditBlock(d.Record(9), "$SDH", 0, b =>
        {
            foreach (var _ in Entries(b, Block).SkipLast(1))
                CutEntry(b, Block, Entries(b, Block)[0]);
        })),
        new("an index block with other room", Rich, "NTFS-0320", d => EditRootBlock(d, b => b[Block + 8] -= 8)),
        new("a name that the directory lacks", Rich, "NTFS-0314", d => EditRootBlock(d, b => CutEntry(b, Block, EntryOf(b, Block, "another_file.txt")))),
        new("a name that the record lacks", Rich, "NTFS-0314 NTFS-0315", d => EditRootBlock(d, b => b[EntryOf(b, Block, "another_file.txt") + 16 + 66 + 2] = (byte)'m')),
        new("a name that leads to another record", Rich, "NTFS-0104 NTFS-0314 NTFS-0315", d => EditRootBlock(d, b => b[EntryOf(b, Block, "another_file.txt")] = 36)),
        new("a name that leads to no record", Rich, "NTFS-0100 NTFS-0314", d => EditRootBlock(d, b => b[EntryOf(b, Block, "another_file.txt") + 2] = 36)),
        new("a name that leads to a free record", Rich, "NTFS-0104 NTFS-0137", d => d.Edit(d.Record(36), r => r[0x16] = 0)),
        new("a name that leads to a record of another time", Rich, "NTFS-0104", d => EditRootBlock(d, b => b[EntryOf(b, Block, "another_file.txt") + 6]++)),
        new("a name that leads to an extension record", Rich, "NTFS-0104 NTFS-0314", d => EditRootBlock(d, b => b[EntryOf(b, Block, "another_file.txt")] = 39)),
        new("a directory that the index takes for a file", Rich, "NTFS-0317", d => EditRootBlock(d, b => b[EntryOf(b, Block, "Folder A") + 16 + 0x3B] = 0)),
        new("directories in a circle", Rich, "NTFS-0316 NTFS-0423", MakeCircle),
        new("two names that are one to Windows", Linked, "NTFS-0314 NTFS-0315 NTFS-0318 NTFS-0319", d => d.EditValue(d.Record(36), IndexRoot, v => DoubleName(v.Span), "$I30")),
        new("an entry with a longer key", Rich, "NTFS-0319", d => EditRootBlock(d, b => b[EntryOf(b, Block, "another_file.txt") + 10] += 2)),
        new("copies in a directory that are old", Small, "NTFS-0135", d => d.EditValue(d.Record(64), IndexRoot, v => v.Span[EntryOf(v.Span, Root, "file0") + 16 + 0x30]++, "$I30")),

        new("a table of attributes that is broken", Small, "NTFS-0402", d => d.Bytes[(int)d.Place(d.Record(4), Data, 160 + 0x80)] = 0x0F),
        new("a table of attributes that is empty", Small, "NTFS-0402", d => d.Bytes.Slice((int)d.Place(d.Record(4), Data, 0), 2560).Clear()),
        new("a table of capitals of another length", Small, "NTFS-0400", d => d.Edit(d.Record(10), Data, a => Put64(a.Span, 0x38, Put64(a.Span, 0x30, NtfsUpcase.Length - 2)))),
        new("another table of capitals", Small, "NTFS-0404", d => d.Bytes[(int)d.Place(d.Record(10), Data, 2 * 0x3B1)] ^= 1),
        new("a table of capitals that is not one", Small, "NTFS-0403", d => d.Bytes[(int)d.Place(d.Record(10), Data, 2 * 'q')] = (byte)'q'),

        new("a security id that is not there", Rich, "NTFS-0410", d => d.EditValue(d.Record(44), StandardInformation, v => Put32(v.Span, 0x34, 0x7777))),
        new("a descriptor of another hash", Rich, "NTFS-0411", d => EditDescriptor(d, 30)),
        new("a descriptor that says it is elsewhere", Rich, "NTFS-0411 NTFS-0414", d => EditDescriptor(d, 8)),
        new("a descriptor whose copy differs", Rich, "NTFS-0412", d => d.Bytes[(int)d.Place(d.Record(9), Data, (256 << 10) + 30, "$SDS")] ^= 1),
        new("indexes of descriptors that differ", Rich, "NTFS-0413 NTFS-0414 NTFS-0415", d => d.EditBlock(d.Record(9), "$SII", 0, b => b[Entries(b, Block)[1] + 20 + 8] += 16)),
        new("a descriptor that one index lacks", Rich, "NTFS-0413", d => d.EditBlock(d.Record(9), "$SDH", 0, b => CutEntry(b, Block, Entries(b, Block)[1]))),
        new("a descriptor that both indexes lack", Rich, "NTFS-0410 NTFS-0413 NTFS-0415", d => d.EditBlock(d.Record(9), "$SII", 0, b => CutEntry(b, Block, Entries(b, Block)[0]))),
        new("a file of descriptors without an index", Small, "NTFS-0416", d => d.Cut(d.Record(9), IndexRoot, "$SII")),
        new("a reparse point that the index lacks", Linked, "NTFS-0420", d => d.EditValue(d.Record(26), IndexRoot, v => CutEntry(v.Span, Root, 32), "$R")),
        new("a reparse point of another tag", Linked, "NTFS-0420 NTFS-0421", d => d.EditValue(d.Record(26), IndexRoot, v => v.Span[32 + 16] ^= 0x0F, "$R")),
        new("an object id that the index lacks", Rich, "NTFS-0422", d => d.EditValue(d.Record(25), IndexRoot, v => CutEntry(v.Span, Root, 32), "$O")),
        new("an object id that no file has", Rich, "NTFS-0423", d => d.Cut(d.Record(45), ObjectId)),
        new("an owner without a quota", Rich, "NTFS-0430", d => d.EditValue(d.Record(24), IndexRoot, v => v.Span[32 + 32] ^= 0x7F, "$O")),
        new("an owner of a file whom nobody knows", Rich, "NTFS-0431", d => d.EditValue(d.Record(44), StandardInformation, v => v.Span[0x30] = 0x77)),
    ];

    private static void EditRootBlock(NtfsDamage damage, Action<byte[]> change) => damage.EditBlock(damage.Record(5), "$I30", 0, change);

    private static void EditDescriptor(NtfsDamage damage, int offset)
    {
        // In the copy, too.
        damage.Bytes[(int)damage.Place(damage.Record(9), Data, 0x80 + offset, "$SDS")] ^= 1;
        damage.Bytes[(int)damage.Place(damage.Record(9), Data, (256 << 10) + 0x80 + offset, "$SDS")] ^= 1;
    }

    // The clusters of a file's first run.
    private static void EditBitmap(NtfsDamage damage, NtfsRecord record, bool value)
    {
        record.TryFind(Data, "", out var data);
        var runs = new NtfsRunList();
        runs.Decode(data.RunBytes, data.EndVcn, long.MaxValue >> 9);
        for (var i = runs[0].Lcn; i < runs[0].Lcn + runs[0].Count; i++)
        {
            ref var bits = ref damage.Bytes[(int)damage.Place(damage.Record(6), Data, i / 8)];
            bits = (byte)(value ? bits | 1 << (int)(i & 7) : bits & ~(1 << (int)(i & 7)));
        }
    }

    // Folder A, in the root, moves into its own sub-directory, Folder B; both the record and the indexes say so.
    private static void MakeCircle(NtfsDamage damage)
    {
        byte[] entry = [];
        EditRootBlock(damage, block =>
        {
            var at = EntryOf(block, Block, "Folder A");
            entry = block.AsSpan(at, OnDisk.View<U16Le>(block, at + 8)).ToArray();
            CutEntry(block, Block, at);
        });
        var inner = damage.Record(45);
        var reference = inner.Reference.Raw;
        Put64(entry, 16, reference);
        damage.EditValue(damage.Record(41), FileName, v => Put64(v.Span, 0, reference));
        // In the place of the only name in there, whose file goes, and leaves its object id behind.
        damage.EditValue(inner, IndexRoot, v =>
        {
            CutEntry(v.Span, Root, 32);
            var end = Entries(v.Span, Root)[^1];
            v.Span.Slice(end, 16).ToArray().CopyTo(v.Span[(end + entry.Length)..]);
            entry.CopyTo(v.Span[end..]);
            Put32(v.Span, Root + 4, OnDisk.View<U32Le>(v.Span, Root + 4) + (uint)entry.Length);
        }, "$I30");
        damage.Edit(damage.Record(46), r => r[0x16] = 0);
        damage.Bytes[(int)damage.Place(damage.Record(0), NtfsAttributeType.Bitmap, 5)] ^= 1 << 6;
    }

    // The second name becomes the third one, and that gets another case.
    private static void DoubleName(Span<byte> root)
    {
        var entries = Entries(root, Root);
        var third = root.Slice(entries[2], OnDisk.View<U16Le>(root, entries[2] + 8)).ToArray();
        ArgumentOutOfRangeException.ThrowIfGreaterThan(third.Length, OnDisk.View<U16Le>(root, entries[1] + 8), nameof(root));
        third.AsSpan(16).CopyTo(root[(entries[1] + 16)..]);
        Put16(root, entries[1] + 10, OnDisk.View<U16Le>(third, 10));
        root[entries[2] + 16 + 66] ^= 0x20;
    }
}
