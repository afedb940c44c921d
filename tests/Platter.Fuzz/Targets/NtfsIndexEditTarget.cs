using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing.Ntfs;

namespace Platter.Fuzz.Targets;

/// <summary>Indexes of NTFS in memory, broken or uneven, that entries are put into, taken out of and replaced in.</summary>
internal sealed class NtfsIndexEditTarget : FuzzTarget
{
    private static readonly NtfsCollationRule[] _rules = [NtfsCollationRule.FileName, NtfsCollationRule.UnsignedLong, NtfsCollationRule.SecurityHash, NtfsCollationRule.Sid];

    private readonly List<(NtfsCollationRule Rule, MemoryIndexStorage Storage)> _bases = [];

    public override string Name => "ntfs-index-edit";

    public override void Prepare()
    {
        for (var seed = 0; seed < 16; seed++)
        {
            var rule = _rules[seed % _rules.Length];
            var dice = new Dice(seed);
            var storage = new MemoryIndexStorage(rule, seed % 3 == 0 ? 4096 : 512, seed % 2 == 0 ? 512 : 4096, seed % 5 == 0 ? 60 : 400);
            var editor = Editor(storage);
            for (var i = 0; i < 20 << seed / 4 * 2; i++)
                editor.TryInsert(Entry(rule, Key(rule, dice), dice));
            _bases.Add((rule, storage));
        }
    }

    public override bool Run(Dice dice)
    {
        var (rule, sound) = dice.Pick(_bases);
        var storage = sound.Copy();
        storage.MaxBlocks = dice.OneIn(4) ? storage.Blocks.Count + dice.Next(3) : int.MaxValue;
        var isBroken = !dice.OneIn(10);
        for (var left = isBroken ? dice.Between(1, 4) : 0; left > 0; left--)
            Break(storage, dice);
        var editor = Editor(storage);
        var all = true;
        for (var edit = 0; edit < 60; edit++)
        {
            // Keys that are there, as far as they can be read, and others.
            var key = Key(rule, dice);
            if (dice.OneIn(2))
                Try(() => key = editor.Entries().Skip(dice.Next(40)).Select(e => e.Key.ToArray()).FirstOrDefault() ?? key);
            all &= Try(() =>
            {
                switch (dice.Next(4))
                {
                    case 0 or 1:
                        editor.TryInsert(Entry(rule, key, dice));
                        break;
                    case 2:
                        editor.TryRemove(key);
                        break;
                    default:
                        editor.TryUpdate(Entry(rule, key, dice));
                        break;
                }
            });
        }
        if (!isBroken)
            IndexInvariants.Check(storage);
        Try(() => Expect(editor.Entries().Count() < 100_000, "an index is listed to its end"));
        return all;
    }

    private static NtfsIndexEditor Editor(MemoryIndexStorage storage) => new(storage, MemoryIndexStorage.Upcase, "Index");

    private static byte[] Key(NtfsCollationRule rule, Dice dice)
    {
        if (rule == NtfsCollationRule.FileName)
            return MemoryIndexStorage.NameKey(new string((char)('a' + dice.Next(26)), dice.Between(1, 40)) + (char)dice.Between(1, 500));
        var key = new byte[rule switch { NtfsCollationRule.UnsignedLong => 4, NtfsCollationRule.SecurityHash => 8, _ => 4 * dice.Between(2, 6) }];
        dice.Fill(key);
        return key;
    }

    private static byte[] Entry(NtfsCollationRule rule, byte[] key, Dice dice)
    {
        // What was read from a broken index may be no key that anybody would make.
        if (key.Length > 150)
            key = key[..150];
        return rule == NtfsCollationRule.FileName ? NtfsIndexEntries.OfName(new NtfsReference(dice.Next(1000), 1), key) : NtfsIndexEntries.OfView(key, new byte[dice.Next(30)]);
    }

    // A field of a node or of an entry, a block in the place of another one, a leaf lengthened to an uneven tree, or any byte.
    private static void Break(MemoryIndexStorage storage, Dice dice)
    {
        var blocks = storage.Blocks.Where(b => b.Value is not null).Select(b => b.Key).ToList();
        if (blocks.Count == 0 || dice.OneIn(8))
        {
            Odd(storage.RootValue, NtfsIndexRoot.Size, dice);
            return;
        }
        var vcn = dice.Pick(blocks);
        var block = storage.Blocks[vcn]!;
        if (NtfsUpdateSequence.Remove(block, NtfsIndexBlock.Size) is not null)
            return;
        switch (dice.Next(6))
        {
            case 0:
                // Another block's entries.
                var other = storage.Blocks[dice.Pick(blocks)]!.ToArray();
                if (NtfsUpdateSequence.Remove(other, NtfsIndexBlock.Size) is null)
                    other.AsSpan(NtfsIndexBlock.HeaderOffset).CopyTo(block.AsSpan(NtfsIndexBlock.HeaderOffset));
                break;
            case 1:
                // No entries: a leaf, or a node with one way on.
                var pieces = new List<NtfsIndexPiece> { NtfsIndexPiece.End(dice.OneIn(2) ? -1 : dice.Pick(blocks)) };
                NtfsNewIndexNode.Block(block.Length, vcn, block.ToArray(), pieces).Bytes.CopyTo(block.AsSpan());
                break;
            default:
                Odd(block, NtfsIndexBlock.HeaderOffset, dice);
                break;
        }
        if (OnDisk.View<NtfsProtectedHeader>(block).UpdateSequenceCount == NtfsUpdateSequence.WordCount(block.Length))
            NtfsUpdateSequence.Apply(block);
    }

    private static void Odd(byte[] node, int header, Dice dice)
    {
        var isView = false;
        if (dice.OneIn(4) || NtfsIndexNode.Parse(node, header, isView, out var parsed) is not null)
        {
            var at = header + dice.Next(node.Length - header - 8);
            node[at] = (byte)dice.Odd(node[at], 1);
            return;
        }
        var item = parsed![dice.Next(parsed.Count)];
        // Length, key length, flags, the key's first bytes, the sub-node.
        var field = item.Offset + dice.Next(5) switch { 0 => 8, 1 => 10, 2 => 12, 3 => NtfsIndexEntry.Size + dice.Next(4), _ => Math.Max(0, item.Entry.Length - 8) };
        if (field + 2 > node.Length)
            return;
        var value = dice.Odd(node[field], dice.OneIn(3) ? 2 : 1);
        node[field] = (byte)value;
        if (dice.OneIn(3))
            node[field + 1] = (byte)(value >> 8);
    }
}
