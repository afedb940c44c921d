using System.Buffers.Binary;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>The editor of indexes against sorted models: every order, block size, height, and room for the root.</summary>
public class NtfsIndexEditorTests
{
    [Theory]
    [InlineData((uint)NtfsCollationRule.FileName, 4096, 4096, 600, 3000)]
    [InlineData((uint)NtfsCollationRule.FileName, 4096, 65536, 56, 3000)]
    [InlineData((uint)NtfsCollationRule.FileName, 2048, 512, 300, 2000)]
    [InlineData((uint)NtfsCollationRule.FileName, 512, 512, 3900, 1500)]
    [InlineData((uint)NtfsCollationRule.FileName, 1024, 4096, 48, 1500)]
    [InlineData((uint)NtfsCollationRule.FileName, 65536, 65536, 600, 4000)]
    [InlineData((uint)NtfsCollationRule.UnsignedLong, 512, 4096, 200, 4000)]
    [InlineData((uint)NtfsCollationRule.UnsignedLong, 4096, 4096, 700, 4000)]
    [InlineData((uint)NtfsCollationRule.SecurityHash, 4096, 512, 700, 3000)]
    [InlineData((uint)NtfsCollationRule.UnsignedLongs, 512, 512, 100, 3000)]
    [InlineData((uint)NtfsCollationRule.Sid, 1024, 512, 100, 2000)]
    [InlineData((uint)NtfsCollationRule.Binary, 512, 512, 56, 3000)]
    public void Random_edits_agree_with_a_sorted_model(uint number, int blockSize, int clusterSize, int rootRoom, int edits)
    {
        var rule = (NtfsCollationRule)number;
        var random = new Random(blockSize + rootRoom + (int)rule);
        var storage = new MemoryIndexStorage(rule, blockSize, clusterSize, rootRoom);
        var editor = Editor(storage);
        var model = new Model(rule);
        var (deepest, checks) = (0, 0);
        // Grows, shrinks, grows again, shrinks to nothing.
        for (var edit = 0; edit < edits; edit++)
        {
            var isGrowing = edit / (edits / 4) % 2 == 0;
            model.Random(editor, random, isGrowing ? 4 : 1, isGrowing ? 1 : 4, MaxName(blockSize));
            if (edit % (edits / 60) == 0 || model.Count < 12)
            {
                deepest = Math.Max(deepest, model.Compare(storage));
                checks++;
            }
        }
        while (model.Count > 0)
            model.Random(editor, random, 0, 1, 1);
        Assert.Equal(1, model.Compare(storage));
        Assert.Equal(48, storage.ReadRoot().Length);
        Assert.False(storage.HasBlocks);
        Assert.True(deepest >= (blockSize >= 65536 || (blockSize == 4096 && rule != NtfsCollationRule.FileName) ? 2 : 3) && checks > 50, $"{deepest} levels, {checks} checks");
    }

    [Theory]
    [InlineData(20_000, 512, 512, 900)]
    [InlineData(20_000, 4096, 65536, 600)]
    [InlineData(100_000, 4096, 4096, 600)]
    [InlineData(20_000, 65536, 65536, 600)]
    public void Many_names_come_go_and_come_again_each_at_about_the_same_cost(int count, int blockSize, int clusterSize, int rootRoom)
    {
        var storage = new MemoryIndexStorage(NtfsCollationRule.FileName, blockSize, clusterSize, rootRoom);
        var editor = Editor(storage);
        var names = Enumerable.Range(0, count).Select(i => $"name of file {i:X}.txt").ToArray();
        new Random(1).Shuffle(names);

        Insert(names.AsSpan(0, count / 10));
        var (reads, writes) = (storage.Reads, storage.Writes);
        Assert.True(reads < count / 10 * (blockSize < 4096 ? 8 : 4), $"{reads} blocks read for the first tenth");
        Insert(names.AsSpan(count / 10));
        // Growing tenfold adds less than two levels.
        Assert.True(storage.Reads - reads < (reads + 2 * count / 10) * 10, $"{storage.Reads} blocks read");
        Assert.True(storage.Writes - writes < (blockSize < 4096 ? 3 : 1.4) * count, $"{storage.Writes} blocks written");

        // The way down, and some neighbours.
        var (_, levels) = IndexInvariants.Check(storage);
        storage.Reads = 0;
        for (var i = 0; i < count; i += 2)
            Assert.True(editor.TryRemove(MemoryIndexStorage.NameKey(names[i])));
        Assert.True(storage.Reads < count / 2 * (levels + 4), $"{storage.Reads} blocks read for removals from {levels} levels");
        Assert.Equal(Sorted(names.Where((_, i) => i % 2 == 1)), Names(storage));
        for (var i = 0; i < count; i += 2)
            Assert.True(editor.TryInsert(Entry(names[i], i)));
        Assert.Equal(Sorted(names), Names(storage));
        for (var i = 0; i < count; i += 997)
            Assert.False(editor.TryInsert(Entry(names[i], i)));

        void Insert(Span<string> part)
        {
            for (var i = 0; i < part.Length; i++)
                Assert.True(editor.TryInsert(Entry(part[i], i)));
        }
    }

    [Theory(Explicit = true)]
    [InlineData(512, 512)]
    [InlineData(1024, 512)]
    [InlineData(2048, 512)]
    [InlineData(4096, 512)]
    [InlineData(4096, 65536)]
    [InlineData(8192, 8192)]
    [InlineData(65536, 65536)]
    public void A_hundred_thousand_names_come_go_and_come_again_in_blocks_of_every_size(int blockSize, int clusterSize) =>
        Many_names_come_go_and_come_again_each_at_about_the_same_cost(100_000, blockSize, clusterSize, 600);

    [Fact]
    public void Names_that_come_in_order_fill_their_blocks()
    {
        var storage = new MemoryIndexStorage(NtfsCollationRule.FileName, 4096, 4096, 600);
        var editor = Editor(storage);
        for (var i = 0; i < 20_000; i++)
            Assert.True(editor.TryInsert(Entry($"{i:D8}", i)));
        var (entries, levels) = IndexInvariants.Check(storage);
        Assert.Equal(20_000, entries.Count);
        Assert.Equal(4, levels);
        // 104 bytes each, 38 or 39 of them in a block.
        Assert.InRange(storage.Blocks.Count, 20_000 / 39, 20_000 / 36);

        // And the other way round they fill half of them, at least.
        var reverse = new MemoryIndexStorage(NtfsCollationRule.FileName, 4096, 4096, 600);
        for (var i = 20_000; i-- > 0;)
            Assert.True(Editor(reverse).TryInsert(Entry($"{i:D8}", i)));
        Assert.InRange(reverse.Blocks.Count, 20_000 / 39, 20_000 / 18);
    }

    [Fact]
    public void A_replaced_entry_keeps_its_place_and_its_sub_node_also_when_it_grows()
    {
        var random = new Random(5);
        var storage = new MemoryIndexStorage(NtfsCollationRule.UnsignedLong, 512, 512, 150);
        var editor = Editor(storage);
        var model = new SortedDictionary<uint, byte[]>();
        for (var edit = 0; edit < 4000; edit++)
        {
            var key = (uint)random.Next(400);
            var data = new byte[random.Next(150)];
            random.NextBytes(data);
            var entry = NtfsIndexEntries.OfView(BitConverter.GetBytes(key), data);
            Assert.Equal(!model.ContainsKey(key), editor.Find(BitConverter.GetBytes(key)) is null);
            Assert.Equal(model.ContainsKey(key), editor.TryUpdate(entry));
            Assert.Equal(!model.ContainsKey(key), editor.TryInsert(entry));
            model[key] = data;
            Assert.Equal(data, editor.Find(BitConverter.GetBytes(key))!.Value.Data.ToArray());
            if (edit % 50 == 0)
                Assert.Equal(model.Select(p => (p.Key, Convert.ToHexString(p.Value))), IndexInvariants.Check(storage).Entries.Select(e => (BitConverter.ToUInt32(e.Key), Convert.ToHexString(e.Value))));
        }
    }

    [Fact]
    public void A_full_volume_leaves_the_index_as_it_was()
    {
        var random = new Random(2);
        var (failures, atRoot) = (0, 0);
        for (var round = 0; round < 60; round++)
        {
            var storage = new MemoryIndexStorage(NtfsCollationRule.FileName, round % 2 == 0 ? 512 : 2048, 512, round % 3 == 0 ? 3000 : 400) { MaxBlocks = round / 3 };
            var model = new Model(NtfsCollationRule.FileName);
            for (var edit = 0; edit < 150; edit++)
            {
                var before = storage.Copy();
                try
                {
                    model.Random(Editor(storage), random, 5, 1, 60);
                }
                catch (VolumeFullException)
                {
                    Assert.Equal(before.Fingerprint(), storage.Fingerprint());
                    failures++;
                    atRoot += storage.Blocks.Count == 0 ? 1 : 0;
                }
            }
            model.Compare(storage);
        }
        Assert.True(failures > 100 && atRoot > 10, $"{failures} failures, {atRoot} of them at the root's first block");
    }

    [Fact]
    public void Every_entry_can_be_removed_first_from_a_tree_of_three_levels()
    {
        var random = new Random(8);
        var storage = new MemoryIndexStorage(NtfsCollationRule.FileName, 512, 512, 300);
        var names = Enumerable.Range(0, 60).Select(i => new string((char)('a' + i % 26), 1 + random.Next(60)) + i).ToArray();
        foreach (var name in names)
            Assert.True(Editor(storage).TryInsert(Entry(name, 1)));
        Assert.True(IndexInvariants.Check(storage).Levels >= 3);
        foreach (var name in names)
        {
            var copy = storage.Copy();
            Assert.True(Editor(copy).TryRemove(MemoryIndexStorage.NameKey(name)));
            Assert.Equal(Sorted(names.Where(n => n != name)), Names(copy));
            Assert.False(Editor(copy).TryRemove(MemoryIndexStorage.NameKey(name)));
            Assert.True(Editor(copy).TryInsert(Entry(name, 1)));
            Assert.Equal(Sorted(names), Names(copy));
        }
    }

    [Fact]
    public void Names_that_differ_by_case_are_two_keys_side_by_side_and_halves_of_surrogate_pairs_are_keys()
    {
        var storage = new MemoryIndexStorage(NtfsCollationRule.FileName, 4096, 4096, 600);
        string[] names = ["b", "A", "a", "B", "ä", "Ä", "\uD800", "\uDFFF", "\uD83D\uDE00", "\uFFFF", "a\uDC00", "AA"];
        foreach (var name in names)
            Assert.True(Editor(storage).TryInsert(Entry(name, 9)));
        Assert.Equal(["A", "a", "AA", "a\uDC00", "B", "b", "Ä", "ä", "\uD800", "\uD83D\uDE00", "\uDFFF", "\uFFFF"], Names(storage));
        Assert.True(Editor(storage).TryRemove(MemoryIndexStorage.NameKey("a")));
        Assert.Null(Editor(storage).Find(MemoryIndexStorage.NameKey("a")));
        Assert.NotNull(Editor(storage).Find(MemoryIndexStorage.NameKey("A")));
    }

    [Fact]
    public void Uneven_trees_with_empty_blocks_lose_nothing_whatever_goes_first()
    {
        uint[] numbers = [10, 20, 50, 60, 70, 90];
        foreach (var first in numbers)
        {
            foreach (var second in numbers)
            {
                var storage = Uneven();
                var left = numbers.ToList();
                foreach (var number in new[] { first, second }.Concat(numbers))
                {
                    Assert.Equal(left.Remove(number), Editor(storage).TryRemove(BitConverter.GetBytes(number)));
                    Assert.Equal(left, Editor(storage).Entries().Select(e => BitConverter.ToUInt32(e.Key)));
                    for (var other = 1u; number == second && other < 100; other += 8)
                    {
                        Assert.True(Editor(storage).TryInsert(NtfsIndexEntries.OfView(BitConverter.GetBytes(other), new byte[60])));
                        Assert.True(Editor(storage).TryRemove(BitConverter.GetBytes(other)));
                    }
                }
                Assert.Empty(storage.Blocks);
            }
        }

        // 50 above a node that has nothing but a way on to a leaf; 90 above an empty leaf; two full leaves.
        static MemoryIndexStorage Uneven()
        {
            var storage = new MemoryIndexStorage(NtfsCollationRule.UnsignedLong, 512, 512, 200);
            long one = storage.AllocateBlock(), two = storage.AllocateBlock(), three = storage.AllocateBlock(), four = storage.AllocateBlock();
            Put(one, NtfsIndexPiece.End(two));
            Put(two, Piece(10), Piece(20), NtfsIndexPiece.End(-1));
            Put(three, Piece(60), Piece(70), NtfsIndexPiece.End(-1));
            Put(four, NtfsIndexPiece.End(-1));
            Assert.True(storage.TryWriteRoot(NtfsNewIndexNode.Root(storage.ReadRoot(), [Piece(50) with { SubNode = one }, Piece(90) with { SubNode = three }, NtfsIndexPiece.End(four)])));
            return storage;

            void Put(long vcn, params List<NtfsIndexPiece> pieces) => storage.WriteBlock(vcn, NtfsNewIndexNode.Block(storage.BlockSize, vcn, null, pieces).Bytes);

            static NtfsIndexPiece Piece(uint number)
            {
                var entry = NtfsIndexEntries.OfView(BitConverter.GetBytes(number), new byte[20]);
                return new NtfsIndexPiece(entry, 0, entry.Length, -1);
            }
        }
    }

    [Fact]
    public void An_entry_too_long_for_small_blocks_is_refused_before_anything_is_done()
    {
        var storage = new MemoryIndexStorage(NtfsCollationRule.FileName, 512, 512, 600);
        var before = storage.Fingerprint();
        var refused = Assert.Throws<UnsupportedFeatureException>(() => Editor(storage).TryInsert(Entry(new string('x', 200), 1)));
        Assert.Contains("blocks of 512 bytes", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, storage.Fingerprint());
        var large = new MemoryIndexStorage(NtfsCollationRule.FileName, 2048, 512, 600);
        for (var i = 0; i < 200; i++)
            Assert.True(Editor(large).TryInsert(Entry(new string((char)(0x100 + i), 255), 1)));
        Assert.Equal(200, IndexInvariants.Check(large).Entries.Count);
    }

    [Fact]
    public void The_entries_of_views_have_the_bytes_that_Windows_has()
    {
        // $SII and $SDH of a volume that Windows made.
        var place = Convert.FromHexString("0102030400010000" + "0000000000000000" + "78000000");
        Assert.Equal("1400140000000000" + "2800040000000000" + "00010000" + Convert.ToHexString(place), Convert.ToHexString(NtfsIndexEntries.OfView(place.AsSpan(4, 4), place)));
        Assert.Equal("1800140000000000" + "3000080000000000" + "0102030400010000" + Convert.ToHexString(place) + "49004900",
            Convert.ToHexString(NtfsIndexEntries.OfView(place.AsSpan(0, 8), place, NtfsIndexEntries.SecurityHashTail)));
    }

    private static NtfsIndexEditor Editor(MemoryIndexStorage storage) => new(storage, MemoryIndexStorage.Upcase, "Index");

    private static byte[] Entry(string name, long file) => NtfsIndexEntries.OfName(new NtfsReference(file, 1), MemoryIndexStorage.NameKey(name));

    private static List<string> Names(MemoryIndexStorage storage) => [.. IndexInvariants.Check(storage).Entries.Select(e => NtfsCollation.NameOf(e.Key).ToString())];

    private static List<string> Sorted(IEnumerable<string> names)
    {
        var sorted = names.ToList();
        sorted.Sort((a, b) => MemoryIndexStorage.Upcase.Compare(a, b));
        return sorted;
    }

    // Half of the room for entries of a block, less what is not the name.
    private static int MaxName(int blockSize) => Math.Min(255, blockSize switch { 512 => 60, 1024 => 180, _ => 255 });

    /// <summary>What the index should hold, and random edits of both.</summary>
    private sealed class Model(NtfsCollationRule rule)
    {
        private readonly SortedDictionary<byte[], byte[]> _entries = new(Comparer<byte[]>.Create((a, b) => NtfsCollation.Compare(rule, a, b, MemoryIndexStorage.Upcase)));
        private readonly List<byte[]> _keys = [];

        public int Count => _keys.Count;

        public void Random(NtfsIndexEditor editor, Random random, int insertions, int removals, int maxName)
        {
            var choice = random.Next(insertions + removals);
            if (choice >= insertions && _keys.Count > 0)
            {
                var at = random.Next(_keys.Count);
                Assert.True(editor.TryRemove(_keys[at]));
                _entries.Remove(_keys[at]);
                _keys[at] = _keys[^1];
                _keys.RemoveAt(_keys.Count - 1);
                return;
            }
            var key = Key(random, maxName);
            var value = new byte[rule == NtfsCollationRule.FileName ? 8 : random.Next(40)];
            random.NextBytes(value);
            var entry = rule == NtfsCollationRule.FileName ? NtfsIndexEntries.OfName(new NtfsReference(BinaryPrimitives.ReadUInt64LittleEndian(value)), key) : NtfsIndexEntries.OfView(key, value);
            Assert.Equal(!_entries.ContainsKey(key), editor.TryInsert(entry));
            if (_entries.TryAdd(key, value))
                _keys.Add(key);
        }

        /// <returns>The levels of the tree.</returns>
        public int Compare(MemoryIndexStorage storage)
        {
            var (entries, levels) = IndexInvariants.Check(storage);
            Assert.Equal(_entries.Select(p => Convert.ToHexString(p.Key) + "=" + Convert.ToHexString(p.Value)), entries.Select(p => Convert.ToHexString(p.Key) + "=" + Convert.ToHexString(p.Value)));
            return levels;
        }

        private byte[] Key(Random random, int maxName)
        {
            if (rule == NtfsCollationRule.FileName)
            {
                var length = random.Next(4) == 0 ? random.Next(1, maxName + 1) : random.Next(1, 14);
                return MemoryIndexStorage.NameKey(string.Create(length, random, (name, dice) =>
                {
                    for (var i = 0; i < name.Length; i++)
                        name[i] = (char)(dice.Next(30) == 0 ? dice.Next(1, 65536) : dice.Next(2) == 0 ? 'a' + dice.Next(26) : 'A' + dice.Next(26));
                }));
            }
            var key = new byte[rule switch { NtfsCollationRule.UnsignedLong => 4, NtfsCollationRule.SecurityHash => 8, NtfsCollationRule.UnsignedLongs => 16, _ => 4 * random.Next(2, 8) }];
            random.NextBytes(key);
            return key;
        }
    }
}
