using Platter.Blocks;
using Platter.FileSystems;
using Platter.Testing.Volumes;
using Xunit;
using Xunit.Sdk;

namespace Platter.Tests.FileSystems;

/// <summary>The suites themselves: a snapshot must see a difference, and a random run must find a broken filesystem.</summary>
public sealed class MemoryVolumeSuiteTests
{
    [Fact]
    public void A_snapshot_sees_what_is_missing_unexpected_and_different()
    {
        var (a, b) = (Sample(), Sample());
        a.CreateFile(a.RootId, "only here", MetadataChange.None);
        b.CreateDirectory(b.RootId, "only there", MetadataChange.None);
        using (var stream = b.OpenWrite(b.Find("/sub/file").Id, StreamName.Data))
            stream.WriteAt(1, [77]);
        b.SetMetadata(b.Find("/sub").Id, new MetadataChange { DosAttributes = DosAttributes.Hidden });
        var differences = TreeSnapshot.Read(a).DifferencesTo(TreeSnapshot.Read(b));
        Assert.Contains("- /only here: a File of 0 bytes is missing", differences);
        Assert.Contains("+ /only there: a Directory was not expected", differences);
        Assert.Contains(differences, d => d.StartsWith("~ /sub/file: content:", StringComparison.Ordinal));
        Assert.Contains("~ /sub: attributes: expected None, found Hidden", differences);
        Assert.Equal(4, differences.Count(d => !d.Contains("modified")));
    }

    [Fact]
    public void Equal_trees_have_no_differences() => Assert.Empty(TreeSnapshot.Read(Sample()).DifferencesTo(TreeSnapshot.Read(Sample())));

    [Fact]
    public void Names_of_one_node_are_told_from_two_nodes_with_the_same_content()
    {
        var (a, b) = (Sample(), Sample());
        a.CreateHardLink(a.Find("/sub/file").Id, a.RootId, "second");
        b.CreateFile(b.RootId, "second", new MemoryStream([1, 2, 3]), 3, MetadataChange.None);
        b.CreateHardLink(b.Find("/second").Id, b.RootId, "third");
        b.CreateHardLink(b.Find("/sub/file").Id, b.RootId, "fourth");
        a.CreateHardLink(a.Find("/second").Id, a.RootId, "third");
        a.CreateHardLink(a.Find("/second").Id, a.RootId, "fourth");
        Assert.Contains(TreeSnapshot.Read(a).DifferencesTo(TreeSnapshot.Read(b)), d => d.Contains("first path"));
    }

    [Fact]
    public void A_scratch_device_rolls_back_writes_and_discards_but_not_fresh_writes()
    {
        var device = new ScratchDevice(300_000);
        device.Write(65_530, [1, 2, 3, 4, 5, 6, 7, 8]);
        device.Flush();
        device.Write(65_532, [9, 9, 9]);
        device.Discard(65_530, 4);
        device.WriteFresh(200_000, [5]);
        device.Rollback();
        var bytes = new byte[8];
        device.Read(65_530, bytes);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], bytes);
        device.Read(200_000, bytes.AsSpan(0, 1));
        Assert.Equal(5, bytes[0]);
        Assert.Equal([new ByteRange(0, 131_072), new ByteRange(196_608, 65_536)], device.AllocatedRanges());
        Assert.Equal([new ByteRange(65_000, 1000)], device.AllocatedRanges(65_000, 1000));
    }

    [Fact]
    public void A_random_run_names_its_seed_when_the_model_and_the_volume_part()
    {
        var error = Assert.Throws<XunitException>(() => RandomEdits.Run(new ForgetfulFixture(), 11, 500));
        Assert.StartsWith("RandomEdits seed 11 failed at step ", error.Message);
        Assert.Contains("the last edits:", error.Message);
    }

    private static MemoryVolume Sample()
    {
        var volume = new MemoryVolume(new MemoryVolumeOptions { Clock = new SettableClock() });
        var sub = volume.CreateDirectory(volume.RootId, "sub", MetadataChange.None);
        volume.CreateFile(sub, "file", new MemoryStream([1, 2, 3]), 3, MetadataChange.None);
        return volume;
    }

    /// <summary>A filesystem that loses a file at each reopening.</summary>
    private sealed class ForgetfulFixture : VolumeFixture
    {
        private MemoryVolume? _volume;

        public override EditableVolume Create(long length) => _volume = new MemoryVolume(new MemoryVolumeOptions { TotalBytes = length, Clock = Clock });

        public override EditableVolume Reopen()
        {
            _volume = _volume!.Reopen();
            if (_volume.Root.Entries.FirstOrDefault(e => e.Kind == EntryKind.File) is { Name: not null } file)
                _volume.Delete(_volume.RootId, file.Name);
            return _volume;
        }

        public override CheckReport? Check() => null;
    }
}
