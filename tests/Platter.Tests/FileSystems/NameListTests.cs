using Platter.FileSystems;
using Xunit;

namespace Platter.Tests.FileSystems;

/// <summary>Names in one piece of memory: what goes in comes out, in the order of ordinal comparison when that is asked for.</summary>
public class NameListTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(3000)]
    public void Names_are_ordered_as_strings_are(int count)
    {
        var dice = new Random(count);
        var list = new NameList();
        for (var round = 0; round < 20; round++)
        {
            list.Clear();
            var names = Enumerable.Range(0, count).Select(_ => Name(dice)).ToArray();
            for (var i = 0; i < count; i++)
                list.Add(names[i], new NodeId((ulong)i), i % 3 == 0 ? EntryKind.Directory : EntryKind.File, i % 2 == 0 ? (DosAttributes)(i & 7) : null);
            Assert.Equal(names, All(list));
            list.Sort();
            Assert.Equal(names.Order(StringComparer.Ordinal), All(list));
            for (var i = 0; i < list.Count; i++)
            {
                var made = (int)list.Id(i).Value;
                Assert.Equal(names[made], list.Name(i).ToString());
                Assert.Equal(made % 3 == 0 ? EntryKind.Directory : EntryKind.File, list.Kind(i));
                Assert.Equal(made % 2 == 0 ? (DosAttributes)(made & 7) : null, list.Attributes(i));
            }
        }
    }

    [Fact]
    public void An_index_past_the_end_is_refused_though_there_is_memory_of_longer_lists()
    {
        var list = new NameList();
        list.Add("a", default, EntryKind.File);
        list.Add("b", default, EntryKind.File);
        list.Clear();
        list.Add("c", default, EntryKind.File);
        Assert.Equal("c", list.Name(0).ToString());
        Assert.Throws<ArgumentOutOfRangeException>(() => list.Name(1).ToString());
        Assert.Throws<ArgumentOutOfRangeException>(() => list.Id(-1));
    }

    // Of beginnings that many share, of units above and below the surrogates, halves of pairs, and every length around a word of four.
    private static string Name(Random dice)
    {
        var units = new char[dice.Next(12)];
        for (var i = 0; i < units.Length; i++)
            units[i] = "ab\uD83D\uDE00\uFFFDz"[dice.Next(6)];
        return "shared beginning"[..dice.Next(17)] + new string(units);
    }

    private static IEnumerable<string> All(NameList list) => Enumerable.Range(0, list.Count).Select(i => list.Name(i).ToString());
}
