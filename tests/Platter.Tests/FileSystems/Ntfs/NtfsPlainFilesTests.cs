using System.Globalization;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Files that are made one after another in a directory, which is done the short way: what comes of it is what the long way makes.</summary>
public class NtfsPlainFilesTests
{
    private static readonly SettableClock Clock = new();

    [Theory]
    [InlineData(512, "/all", false, false)]
    [InlineData(4096, "/all", false, false)]
    [InlineData(4096, "/all", true, false)]
    [InlineData(65536, "/all", false, true)]
    [InlineData(512, "/", false, false)]
    [InlineData(4096, "/", false, true)]
    [InlineData(4096, "/", true, true)]
    public void Files_made_in_a_row_have_the_records_that_files_made_one_by_one_have(int clusterSize, string folder, bool isShuffled, bool isLookedUp)
    {
        var names = Names(900);
        if (isShuffled)
            new Random(clusterSize).Shuffle(names);
        using var row = new Row(clusterSize, 64L << 20);
        using var single = new Row(clusterSize, 64L << 20);
        Fill(row, isSingle: false);
        Fill(single, isSingle: true);
        Assert.Equal(single.Listing(folder), row.Listing(folder));
        var (rowVolume, singleVolume) = (row.Open(), single.Open());
        foreach (var name in names)
        {
            var id = singleVolume.Find(folder + "/" + name).Id;
            var expected = singleVolume.OpenFile(id);
            Assert.Equal(expected.Base.Bytes, rowVolume.OpenFile(id).Base.Bytes);
        }

        void Fill(Row row, bool isSingle)
        {
            var all = folder == "/" ? row.Volume.RootId : row.Volume.CreateDirectory(row.Volume.RootId, "all", MetadataChange.None);
            for (var i = 0; i < names.Length; i++)
            {
                var content = ConformanceCase.Bytes(i % 5 == 0 ? 0 : i * 7919 % 20000, i);
                var metadata = i % 3 == 0 ? MetadataChange.None
                    : new MetadataChange { Modified = Timestamp.From(Clock.Now.AddDays(-i)), DosAttributes = i % 7 == 0 ? DosAttributes.ReadOnly | DosAttributes.Hidden : null };
                if (isLookedUp)
                    Assert.False(row.Volume.TryLookup(all, names[i], out _));
                // Looking at the directory ends a row.
                if (isSingle)
                    Assert.Equal(EntryKind.Directory, row.Volume.GetMetadata(all).Kind);
                if (content.Length == 0)
                    row.Volume.CreateFile(all, names[i], metadata);
                else
                    row.Volume.CreateFile(all, names[i], new MemoryStream(content), content.Length, metadata);
            }
            row.Judge();
        }
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    [InlineData(16384)]
    public void The_blocks_of_a_directory_lie_together_though_its_files_are_made_between_them(int clusterSize)
    {
        using var row = new Row(clusterSize, 64 << 20);
        for (var i = 0; i < 4; i++)
        {
            var directory = row.Volume.CreateDirectory(row.Volume.RootId, $"directory {i}", MetadataChange.None);
            foreach (var name in Names(400))
            {
                var content = ConformanceCase.Bytes(5000, i);
                row.Volume.CreateFile(directory, name, new MemoryStream(content), content.Length, MetadataChange.None);
            }
        }
        row.Judge();
        var volume = row.Open();
        for (var i = 0; i < 4; i++)
        {
            var blocks = volume.OpenFile(volume.Find($"/directory {i}").Id).Open(NtfsAttributeType.IndexAllocation, NtfsDirectory.IndexName)!;
            Assert.True(blocks.Length >= 8 << 12, $"{blocks.Length} bytes of index");
            Assert.InRange(blocks.Runs.Count, 1, 2);
        }
    }

    [Fact]
    public void A_name_that_is_there_is_refused_in_every_spelling_while_files_are_made_in_a_row()
    {
        using var row = new Row(4096, 32 << 20);
        var all = row.Volume.CreateDirectory(row.Volume.RootId, "all", MetadataChange.None);
        const int count = 300;
        for (var i = 0; i < count; i++)
        {
            row.Volume.CreateFile(all, Name(2 * i), MetadataChange.None);
            // The one before, in the same leaf or the one before that; later every one of them.
            var known = Name(2 * (i * 7919 % (i + 1)));
            Assert.Throws<AlreadyExistsException>(() => row.Volume.CreateFile(all, known, MetadataChange.None));
            Assert.Throws<AlreadyExistsException>(() => row.Volume.CreateFile(all, known.ToUpperInvariant(), MetadataChange.None));
        }
        for (var i = 0; i < count; i++)
            Assert.Throws<AlreadyExistsException>(() => row.Volume.CreateFile(all, Name(2 * i).ToUpperInvariant(), MetadataChange.None));
        Assert.Throws<InvalidNameException>(() => row.Volume.CreateFile(all, "a:b", MetadataChange.None));
        for (var i = 0; i < count; i++)
            row.Volume.CreateFile(all, Name(2 * i + 1), MetadataChange.None);
        Assert.Equal(2 * count, row.Volume.Enumerate(all).Count());
        row.Judge();

        static string Name(int i) => string.Create(CultureInfo.InvariantCulture, $"the name of a file {i:0000}");
    }

    [Fact]
    public void Names_are_looked_up_in_every_spelling_between_files_made_in_a_row_in_the_root()
    {
        using var row = new Row(4096, 32 << 20);
        var root = row.Volume.RootId;
        var names = Enumerable.Range(0, 2500).Select(i => string.Create(CultureInfo.InvariantCulture, $"the name of file {i:0000}")).ToArray();
        new Random(8).Shuffle(names);
        var ids = new Dictionary<string, NodeId>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            Assert.False(row.Volume.TryLookup(root, name, out _));
            ids.Add(name, row.Volume.CreateFile(root, name, MetadataChange.None));
            var known = names[ids.Count * 7919 % ids.Count];
            Assert.True(row.Volume.TryLookup(root, known, out var found));
            Assert.Equal(ids[known], found);
            if (ids.Count % 3 != 0)
                continue;
            Assert.True(row.Volume.TryLookup(root, name.ToUpperInvariant(), out found));
            Assert.Equal(ids[name], found);
            Assert.True(row.Volume.TryLookup(root, "$mft", out _));
        }
        foreach (var odd in (string[])["", ".", new string('n', 256), "a/b"])
            Assert.False(row.Volume.TryLookup(root, odd, out _));
        Assert.Equal(names.Order(StringComparer.Ordinal), row.Volume.Enumerate(root).Select(e => e.Name).Order(StringComparer.Ordinal));
        row.Judge();
    }

    [Fact]
    public void A_directory_whose_own_descriptor_is_replaced_gives_the_new_one_to_the_files_made_next_in_a_row()
    {
        using var row = new Row(4096, 32 << 20);
        var root = row.Volume.RootId;
        Make(0);
        var before = row.Volume.GetMetadata(row.Volume.Find("/name 149").Id).SecurityDescriptor!;
        row.Volume.SetMetadata(root, new MetadataChange { SecurityDescriptor = Sddl.Parse("O:SYG:SYD:(A;OICI;GR;;;WD)") });
        Make(150);
        var after = row.Volume.GetMetadata(row.Volume.Find("/name 299").Id).SecurityDescriptor!;
        Assert.NotEqual(before, after);
        Assert.Equal(before, row.Volume.GetMetadata(row.Volume.Find("/name 149").Id).SecurityDescriptor);
        Assert.Equal(after, row.Volume.GetMetadata(row.Volume.Find("/name 150").Id).SecurityDescriptor);
        row.Judge();

        void Make(int first)
        {
            for (var i = first; i < first + 150; i++)
                row.Volume.CreateFile(root, $"name {i}", MetadataChange.None);
        }
    }

    [Fact]
    public void What_is_looked_at_changed_or_dropped_between_files_made_in_a_row_is_as_it_was_left()
    {
        using var row = new Row(4096, 32 << 20);
        var volume = row.Volume;
        var all = volume.CreateDirectory(volume.RootId, "all", MetadataChange.None);
        Make(0, 100);
        Assert.Equal(100, volume.Enumerate(all).Count());
        Clock.Advance(TimeSpan.FromSeconds(1));
        Make(100, 150);
        Assert.Equal(Clock.Timestamp, volume.GetMetadata(all).Modified);
        Make(150, 200);
        volume.Delete(all, "name 0199");
        Make(199, 250);
        volume.Rename(all, "name 0249", all, "another name", replace: false);
        Make(249, 260);
        volume.Commit();
        Make(260, 300);
        volume.Rollback();
        Assert.Equal(261, volume.Enumerate(all).Count());
        Make(260, 300);
        using (var stream = volume.OpenWrite(volume.Find("/all/name 0299").Id, StreamName.Data))
        {
            Make(300, 310);
            stream.WriteAt(0, ConformanceCase.Bytes(100_000));
            Make(310, 320);
        }
        row.Judge();
        Assert.Equal(321, row.Volume.Enumerate(all).Count());
        Assert.Equal(100_000, row.Volume.Find("/all/name 0299").Metadata.Length);

        void Make(int from, int to)
        {
            for (var i = from; i < to; i++)
                volume.CreateFile(all, string.Create(CultureInfo.InvariantCulture, $"name {i:0000}"), MetadataChange.None);
        }
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void A_volume_that_runs_full_in_a_row_of_files_keeps_those_that_were_made(int clusterSize)
    {
        using var row = new Row(clusterSize, 4 << 20);
        var all = row.Volume.CreateDirectory(row.Volume.RootId, "all", MetadataChange.None);
        var made = 0;
        var content = ConformanceCase.Bytes(3000);
        var isFull = false;
        for (; !isFull; made += isFull ? 0 : 1)
        {
            try
            {
                row.Volume.CreateFile(all, $"a name that takes some room {made}", new MemoryStream(content), content.Length, MetadataChange.None);
            }
            catch (VolumeFullException)
            {
                isFull = true;
            }
        }
        row.Judge();
        Assert.InRange(made, 100, 4000);
        Assert.Equal(made, row.Volume.Enumerate(all).Count());
        for (var i = 0; i < made; i += 2)
            row.Volume.Delete(all, $"a name that takes some room {i}");
        row.Volume.Commit();
        for (var i = 0; i < made / 3; i++)
            row.Volume.CreateFile(all, $"a name that takes some room, again {i}", new MemoryStream(content), content.Length, MetadataChange.None);
        row.Judge();
    }

    // By code units they are in another order than by capitals.
    private static string[] Names(int count) =>
        [.. Enumerable.Range(0, count).Select(i => (i % 3) switch { 0 => $"a_name {i:X4}", 1 => $"Aname of the file {i:x4}", _ => $"a{(char)('Z' - i % 26)}[{i}] \u00E4\u0416" }).Order(StringComparer.Ordinal)];

    private sealed class Row : IDisposable
    {
        private readonly ScratchDevice _device;

        public Row(int clusterSize, long length)
        {
            _device = NtfsFixture.Empty($"-c {clusterSize}", Math.Max(length, clusterSize * 3000L));
            Volume = new NtfsType().OpenForEditing(_device, new VolumeOptions { Clock = Clock });
        }

        public EditableVolume Volume { get; private set; }

        public NtfsVolume Open() => NtfsVolume.Open(_device, VolumeOptions.Default);

        /// <summary>Names, times, lengths and contents.</summary>
        public List<string> Listing(string folder)
        {
            using var volume = Open();
            return [.. volume.Find(folder).Entries.Select(e => $"{e.Name} {e.Id} {e.Metadata} {HashOf(e)}")];

            static string HashOf(Node file)
            {
                using var stream = file.OpenRead();
                return Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(stream));
            }
        }

        public void Judge()
        {
            Volume.Commit();
            Volume.Dispose();
            var report = new NtfsType().Check(_device, CheckOptions.Default);
            Assert.True(report.IsClean, string.Join('\n', report.Findings.Take(20)));
            Assert.Null(NtfsFixture.Complaint(_device));
            Volume = new NtfsType().OpenForEditing(_device, new VolumeOptions { Clock = Clock });
        }

        public void Dispose() => Volume.Dispose();
    }
}
