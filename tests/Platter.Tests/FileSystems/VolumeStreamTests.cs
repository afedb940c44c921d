using Platter.FileSystems;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems;

public sealed class VolumeStreamTests : IDisposable
{
    private readonly MemoryVolume _volume = new();

    [Fact]
    public void The_position_moves_with_reading_and_writing_and_not_with_ReadAt()
    {
        using var stream = Open();
        stream.Write([1, 2, 3]);
        Assert.Equal(3, stream.Position);
        stream.ReadAt(0, new byte[2]);
        stream.WriteAt(10, [4]);
        Assert.Equal(3, stream.Position);
        stream.Position = 1;
        Assert.Equal(10, stream.Read(new byte[100]));
        Assert.Equal(11, stream.Position);
    }

    [Fact]
    public void Seeking_counts_from_each_origin()
    {
        using var stream = Open();
        stream.SetLength(100);
        Assert.Equal(40, stream.Seek(40, SeekOrigin.Begin));
        Assert.Equal(35, stream.Seek(-5, SeekOrigin.Current));
        Assert.Equal(90, stream.Seek(-10, SeekOrigin.End));
        Assert.Equal(150, stream.Seek(50, SeekOrigin.End));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Seek(-1, SeekOrigin.Begin));
        Assert.Equal(150, stream.Position);
    }

    [Fact]
    public void The_framework_copies_from_and_to_it()
    {
        var bytes = ConformanceCase.Bytes(300_000);
        using (var stream = Open())
            new MemoryStream(bytes).CopyTo(stream, 777);
        var copy = new MemoryStream();
        using (var stream = _volume.Find("/file").OpenRead())
            stream.CopyTo(copy, 4096);
        Assert.Equal(bytes, copy.ToArray());
    }

    [Fact]
    public void A_stream_name_is_shown_as_people_write_it()
    {
        Assert.Equal("data", StreamName.Data.ToString());
        Assert.Equal("resource fork", StreamName.ResourceFork.ToString());
        Assert.Equal(":Zone.Identifier", StreamName.Named("Zone.Identifier").ToString());
        Assert.NotEqual(StreamName.Named("a"), StreamName.Named("A"));
    }

    public void Dispose() => _volume.Dispose();

    private VolumeStream Open() => _volume.OpenWrite(_volume.CreateFile(_volume.RootId, "file", MetadataChange.None), StreamName.Data);
}
