using Platter.FileSystems;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Directories of very many names on volumes of mkntfs: created, deleted and created again in random order.</summary>
public class NtfsLargeDirectoryTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(512)]
    [InlineData(65536)]
    public void Names_in_random_order_come_go_and_come_again(int clusterSize) => Fill(NtfsLayouts.Of(clusterSize), 4000);

    [Theory(Explicit = true)]
    [InlineData(512)]
    [InlineData(4096)]
    [InlineData(65536)]
    public void A_hundred_thousand_names_come_go_and_come_again(int clusterSize) => Fill(NtfsLayouts.Of(clusterSize), 100_000);

    [Theory(Explicit = true)]
    [InlineData(512, 1024, 1024)]
    [InlineData(512, 2 << 20, 1024)]
    [InlineData(512, 2 << 20, 4096)]
    [InlineData(4096, 4096, 4096)]
    [InlineData(4096, 65536, 4096)]
    public void A_hundred_thousand_names_come_go_and_come_again_on_large_sectors_records_and_clusters(int sector, int cluster, int record) =>
        Fill(NtfsLayouts.Of(sector, cluster, record), 100_000);

    private void Fill(NtfsFixture fixture, int count)
    {
        var clusterSize = fixture.ClusterSize;
        var length = Math.Max(32L << 20, count * (fixture.Sizes is { Record: > 1024 } ? 6000L : 3000L)) + 600L * clusterSize;
        var names = Enumerable.Range(0, count).Select(i => $"A name of the file {i * 7919L % count:X}.txt").ToArray();
        var random = new Random(clusterSize);
        fixture.Create(length).Dispose();
        Timed("created", volume => Each(volume, 1, 0, (directory, name) => volume.CreateFile(directory, name, MetadataChange.None)));
        Timed("every second deleted", volume => Each(volume, 2, 0, (directory, name) => volume.Delete(directory, name)));
        Compare(names.Where((_, i) => i % 2 == 1));
        random.Shuffle(names);
        Timed("created again", volume => Each(volume, 1, 0, (directory, name) =>
        {
            if (!volume.TryLookup(directory, name, out _))
                volume.CreateFile(directory, name, MetadataChange.None);
        }));
        Compare(names);
        Timed("all deleted", volume => Each(volume, 1, 0, (directory, name) => volume.Delete(directory, name)));
        Compare([]);

        void Timed(string what, Action<EditableVolume> edit)
        {
            using var volume = fixture.Reopen();
            var time = ProcessorTime.Of(() =>
            {
                edit(volume);
                volume.Commit();
            });
            output.WriteLine($"clusters of {clusterSize}: {count:N0} names {what} in {time.TotalSeconds:F2} s of processor time, {time.TotalMicroseconds / count:F1} us each");
        }

        void Each(EditableVolume volume, int step, int from, Action<NodeId, string> edit)
        {
            if (!volume.TryLookup(volume.RootId, "many", out var directory))
                directory = volume.CreateDirectory(volume.RootId, "many", MetadataChange.None);
            for (var i = from; i < names.Length; i += step)
                edit(directory, names[i]);
        }

        void Compare(IEnumerable<string> expected)
        {
            using var volume = fixture.Reopen();
            var found = volume.Enumerate(volume.Find("/many").Id).Select(e => e.Name).ToList();
            Assert.Equal(expected.Order(StringComparer.OrdinalIgnoreCase), found);
            Assert.Empty(fixture.Check()!.Findings);
            Assert.Null(fixture.Judge());
        }
    }
}
