using System.Globalization;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Blocks;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>A medium that fails in the midst of edits, at every single read and write: no edit leaves a trace that was not reported as done, and none that was is lost.</summary>
public class NtfsFaultTests(ITestOutputHelper output)
{
    private const int RowLength = 30;

    [Theory]
    [InlineData(512, "/", false)]
    [InlineData(512, "/all", false)]
    [InlineData(4096, "/", true)]
    [InlineData(4096, "/all", true)]
    public void Of_a_row_of_files_those_are_there_whose_making_was_reported_whatever_fails(int clusterSize, string folder, bool isCommitted)
    {
        var ground = Checkerboard(clusterSize);
        var faults = 0;
        foreach (var operation in (FaultyOperation[])[FaultyOperation.Read, FaultyOperation.Write])
        {
            foreach (var lasting in (int[])[1, 2, 5])
            {
                for (var number = 0; TryRow(ground.Copy(), folder, v => RowOf(v, folder, 0), operation, number, lasting, isCommitted); number++)
                    faults++;
            }
        }
        output.WriteLine($"{faults} faults");
        Assert.True(faults > 30);
    }

    [Fact]
    public void A_row_that_comes_to_the_next_page_of_the_bitmap_of_records_is_whole_whatever_fails()
    {
        // The table has records for more than a page of its bitmap; 8 before the page ends, the row begins, in the session that made them.
        var ground = NtfsFixture.Empty("-c 4096", 160 << 20);
        var faults = 0;
        for (var number = 0; TryRow(ground.Copy(), "/all", Filled, FaultyOperation.Read, number, 1 + number % 2, isCommitted: true); number++)
            faults++;
        output.WriteLine($"{faults} faults");
        Assert.True(faults > 3);

        static NodeId Filled(EditableVolume volume)
        {
            var many = volume.CreateDirectory(volume.RootId, "many", MetadataChange.None);
            var all = volume.CreateDirectory(volume.RootId, "all", MetadataChange.None);
            for (var i = 0L; i < NtfsBitmapFile.PageBits - 8;)
                i = new NtfsReference(volume.CreateFile(many, string.Create(CultureInfo.InvariantCulture, $"{i:00000}"), MetadataChange.None).Value).Record;
            return RowOf(volume, "/all", 0, all);
        }
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void Every_edit_is_whole_or_nothing_whatever_fails(int clusterSize)
    {
        var cuts = NtfsPowerCutTests.Cuts(clusterSize);
        var ground = NtfsPowerCutTests.Ground(cuts, full: false);
        var outcome = default(VolumeFaults.Outcome);
        var faults = new VolumeFaults { Type = new NtfsType() };
        // What comes after a fault needs room.
        foreach (var edit in cuts.CommonEdits.Concat(NtfsPowerCutTests.OwnEdits).Where(e => !e.Full))
        {
            try
            {
                outcome += faults.Run(ground, edit.Run);
            }
            catch (Exception e)
            {
                Assert.Fail($"{edit.Verb}: {e}");
            }
        }
        output.WriteLine($"clusters of {clusterSize} bytes: {outcome.Edits} edits, {outcome.Faults} faults");
        Assert.True(outcome.Faults > 500);
    }

    [Fact]
    public void The_table_of_records_is_whole_whatever_fails_while_it_gets_an_attribute_list()
    {
        var ground = NtfsPowerCutTests.FragmentedTable(out var left);
        var outcome = new VolumeFaults { Type = new NtfsType() }.Run(ground, NtfsPowerCutTests.FilesOverTheEnd(2 * left).Run);
        output.WriteLine($"{outcome.Faults} faults");
        Assert.True(outcome.Faults > 50);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_log_that_was_given_up_leaves_its_mark_also_when_the_first_commit_failed(bool isTakenBack)
    {
        var ground = NtfsFixture.Empty("-c 4096", 4 << 20);
        using (var volume = NtfsVolume.Open(ground, VolumeOptions.Default))
            ground.Write(volume.OpenSystemFile(NtfsMft.LogFileRecord).Open(NtfsAttributeType.Data)!.Runs[0].Lcn << volume.Geometry.ClusterShift, new byte[16384]);
        ground.Flush();
        var faults = 0;
        foreach (var operation in (FaultyOperation[])[FaultyOperation.Read, FaultyOperation.Write, FaultyOperation.Flush])
        {
            for (var number = 0; Try(operation, number); number++)
                faults++;
        }
        output.WriteLine($"{faults} faults");
        Assert.True(faults > 2);

        bool Try(FaultyOperation operation, int number)
        {
            var device = ground.Copy();
            var faulty = new FaultyDevice(device);
            var failed = false;
            using (var volume = new NtfsType().OpenForEditing(faulty, VolumeOptions.Default with { DiscardJournal = true }))
            {
                volume.CreateFile(volume.RootId, "new", MetadataChange.None);
                faulty.FailAt(operation, number);
                try
                {
                    volume.Commit();
                }
                catch (IOException)
                {
                    failed = true;
                }
                faulty.Before = (_, _, _) => { };
                if (failed && isTakenBack)
                {
                    volume.Rollback();
                    volume.CreateFile(volume.RootId, "new", MetadataChange.None);
                }
                volume.Commit();
            }
            using var after = NtfsVolume.Open(device, VolumeOptions.Default);
            Assert.True(after.TryFind("/new", out _));
            Assert.Equal((operation, number, NtfsLogCondition.Empty), (operation, number, after.LogState.Condition));
            Assert.Equal((operation, number, NtfsVolumeFlags.Dirty), (operation, number, after.State.Flags & NtfsVolumeFlags.Dirty));
            return failed;
        }
    }

    // Files of all kinds: empty, in their records, in clusters. The fault lasts for so many operations of its kind.
    private static bool TryRow(ScratchDevice device, string folder, Func<EditableVolume, NodeId> begin, FaultyOperation operation, int number, int lasting, bool isCommitted)
    {
        var faulty = new FaultyDevice(device);
        var made = new List<string>();
        var (reached, failed) = (false, 0);
        using (var volume = new NtfsType().OpenForEditing(faulty, VolumeOptions.Default))
        {
            var directory = begin(volume);
            var before = volume.Enumerate(directory).Select(e => e.Name).ToList();
            volume.Commit();
            MakeOne(-1);
            var count = 0;
            faulty.Before = (what, offset, _) =>
            {
                if (what != operation || count++ < number || count > number + lasting)
                    return;
                reached = true;
                throw new IOException($"the medium failed on {what} at {offset}");
            };
            for (var i = 0; i < RowLength; i++)
            {
                try
                {
                    MakeOne(i);
                }
                catch (IOException)
                {
                    failed++;
                }
            }
            var isDone = false;
            if (isCommitted)
            {
                try
                {
                    volume.Commit();
                    isDone = true;
                }
                catch (IOException)
                {
                    failed++;
                }
            }
            faulty.Before = (_, _, _) => { };
            Assert.Equal(reached, failed > 0);
            if (isDone || number % 3 > 0)
            {
                if (!isDone)
                    volume.Commit();
                before.AddRange(made);
            }
            else
            {
                volume.Rollback();
            }
            Compare(volume, before);
            // What comes next stands on what is there.
            made.Clear();
            for (var i = RowLength; i < 2 * RowLength; i++)
                MakeOne(i);
            volume.Commit();
            before.AddRange(made);

            void MakeOne(int i)
            {
                var name = string.Create(CultureInfo.InvariantCulture, $"one of a row of files {i * 7919 % 1000:000}");
                var content = ConformanceCase.Bytes((i % 3) switch { 0 => 0, 1 => 100 + i, _ => 3000 + i }, i);
                if (i % 2 == 0)
                    volume.TryLookup(directory, name, out _);
                volume.CreateFile(directory, name, new MemoryStream(content), content.Length, MetadataChange.None);
                made.Add(name);
            }

            void Compare(EditableVolume volume, List<string> expected) =>
                Assert.Equal(expected.Order(StringComparer.Ordinal), volume.Enumerate(directory).Select(e => e.Name).Order(StringComparer.Ordinal));
        }
        Assert.Equal([], new NtfsType().Check(device, new CheckOptions { ReadData = true }).Findings.Select(f => $"{operation} {number}, {lasting} times: {f}"));
        return reached;
    }

    private static NodeId RowOf(EditableVolume volume, string folder, int first, NodeId? made = null)
    {
        var directory = folder == "/" ? volume.RootId : made ?? volume.CreateDirectory(volume.RootId, folder[1..], MetadataChange.None);
        // Enough names for an index with leaves.
        for (var i = first; i < first + 40; i++)
            volume.CreateFile(directory, string.Create(CultureInfo.InvariantCulture, $"a name that was there before {i:000}"), MetadataChange.None);
        return directory;
    }

    // Hardly two free clusters side by side: the table of records grows in pieces.
    private static ScratchDevice Checkerboard(int clusterSize)
    {
        var device = NtfsFixture.Empty($"-c {clusterSize}", 6 << 20);
        using var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default);
        var a = volume.CreateFile(volume.RootId, "a", MetadataChange.None);
        var b = volume.CreateFile(volume.RootId, "b", MetadataChange.None);
        using (var first = volume.OpenWrite(a, StreamName.Data))
        using (var second = volume.OpenWrite(b, StreamName.Data))
        {
            for (var i = 0L; volume.FreeBytes > 40 * clusterSize; i++)
            {
                first.WriteAt(i * clusterSize, ConformanceCase.Bytes(clusterSize, (int)i));
                second.WriteAt(i * clusterSize, ConformanceCase.Bytes(clusterSize, (int)-i));
            }
        }
        volume.Commit();
        volume.Delete(volume.RootId, "b");
        volume.Commit();
        return device;
    }
}
