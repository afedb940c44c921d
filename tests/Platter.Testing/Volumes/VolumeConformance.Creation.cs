using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

// Creating entries, empty and with content.
public abstract partial class VolumeConformance
{
    [Fact]
    public void A_new_file_is_empty() => Case(c =>
    {
        var id = c.File("/file");
        Assert.Equal(0, c.Volume.GetMetadata(id).Length);
        Assert.Equal(c.Id("/file"), id);
    });

    [Fact]
    public void A_new_directory_is_empty() => Case(c =>
    {
        var id = c.Directory("/sub");
        Assert.Empty(c.Volume.Enumerate(id));
        Assert.Equal(EntryKind.Directory, c.Volume.GetMetadata(id).Kind);
    });

    [Fact]
    public void Files_and_directories_can_be_made_at_every_level() => Case(c =>
    {
        c.Directory("/a");
        c.File("/a/file", [1]);
        c.Directory("/a/b");
        c.File("/a/b/file", [2, 2]);
        c.Directory("/a/b/c");
        c.File("/a/b/c/file", [3, 3, 3]);
    });

    [Fact]
    public void The_same_name_can_stand_in_several_directories() => Case(c =>
    {
        c.Directory("/a");
        c.Directory("/b");
        c.File("/same", [1]);
        c.File("/a/same", [2]);
        c.Directory("/b/same");
    });

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_name_that_is_taken_is_refused(bool existingIsDirectory, bool newIsDirectory) => Case(c =>
    {
        if (existingIsDirectory)
            c.Directory("/taken");
        else
            c.File("/taken", [1]);
        c.Refused<AlreadyExistsException>(() =>
        {
            if (newIsDirectory)
                c.Volume.CreateDirectory(c.Volume.RootId, "taken", MetadataChange.None);
            else
                c.Volume.CreateFile(c.Volume.RootId, "taken", MetadataChange.None);
        });
    });

    [Fact]
    public void Content_under_a_name_that_is_taken_is_refused() => Case(c =>
    {
        c.File("/taken", [1]);
        c.Refused<AlreadyExistsException>(() => c.Volume.CreateFile(c.Volume.RootId, "taken", new MemoryStream([2, 2]), 2, MetadataChange.None));
    });

    [Fact]
    public void Nothing_can_be_made_in_a_file() => Case(c =>
    {
        var file = c.File("/file", [1]);
        c.Refused<DirectoryNotFoundException>(() => c.Volume.CreateFile(file, "x", MetadataChange.None));
        c.Refused<DirectoryNotFoundException>(() => c.Volume.CreateDirectory(file, "x", MetadataChange.None));
    });

    [Fact]
    public void Nothing_can_be_made_in_a_directory_that_is_no_more() => Case(c =>
    {
        var gone = c.Directory("/gone");
        c.Delete("/gone");
        c.Refused<FileNotFoundException>(() => c.Volume.CreateFile(gone, "x", MetadataChange.None));
        c.Refused<FileNotFoundException>(() => c.Volume.CreateDirectory(gone, "x", MetadataChange.None));
    });

    [Fact]
    public void A_new_entry_gets_the_time_of_the_clock() => Case(c =>
    {
        c.File("/first", [1]);
        c.Fixture.Clock.Advance(TimeSpan.FromHours(30));
        c.File("/second", [1]);
        c.Directory("/third");
    });

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100_000)]
    public void A_file_is_made_with_content_of_known_length(int length) => Case(c => c.File("/file", ConformanceCase.Bytes(length)));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100_000)]
    public void A_file_is_made_with_content_of_unknown_length(int length) => Case(c =>
    {
        var bytes = ConformanceCase.Bytes(length);
        c.Volume.CreateFile(c.Volume.RootId, "file", new TrickleStream(bytes), null, MetadataChange.None);
        Expect(c, "/file", bytes);
    });

    [Theory]
    [InlineData(10_000, 3_000)]
    [InlineData(3_000, 10_000)]
    public void Content_may_turn_out_shorter_or_longer_than_announced(int announced, int length) => Case(c =>
    {
        var bytes = ConformanceCase.Bytes(length);
        c.Volume.CreateFile(c.Volume.RootId, "file", new TrickleStream(bytes), announced, MetadataChange.None);
        Expect(c, "/file", bytes);
    });

    [Fact]
    public void Content_is_read_from_where_its_stream_stands() => Case(c =>
    {
        var bytes = ConformanceCase.Bytes(100);
        c.Volume.CreateFile(c.Volume.RootId, "file", new MemoryStream(bytes) { Position = 40 }, 60, MetadataChange.None);
        Expect(c, "/file", bytes[40..]);
    });

    [Theory]
    [InlineData(0)]
    [InlineData(700)]
    [InlineData(50_000)]
    public void Content_that_breaks_off_leaves_nothing_behind(int good) => Case(c =>
    {
        c.Directory("/D");
        c.File("/D/KEEP", [1]);
        c.Commit();
        var free = c.Volume.FreeBytes;
        var broken = new TrickleStream(ConformanceCase.Bytes(good)) { Breaks = true };
        c.Refused<EndOfStreamException>(() => c.Volume.CreateFile(c.Id("/D"), "BROKEN", broken, null, MetadataChange.None));
        broken = new TrickleStream(ConformanceCase.Bytes(good)) { Breaks = true };
        c.Refused<EndOfStreamException>(() => c.Volume.CreateFile(c.Id("/D"), "BROKEN", broken, 60_000, MetadataChange.None));
        c.Commit();
        AssertFree(c, free);
    });

    [Fact]
    public void Content_comes_with_its_metadata() => Case(c =>
    {
        var time = new Timestamp(1_500_000_000);
        c.File("/file", ConformanceCase.Bytes(3000), new MetadataChange { Modified = time, Created = c.Capabilities.Created is null ? null : time });
        if (c.Has(Features.DosAttributes))
            c.File("/hidden", ConformanceCase.Bytes(3000), new MetadataChange { DosAttributes = DosAttributes.Hidden | DosAttributes.ReadOnly });
    });

    [Fact]
    public void Metadata_that_cannot_be_stored_leaves_no_file_behind() => Case(c =>
    {
        if (Unsupported(c.Capabilities) is not { } change)
            return;
        c.Refused<UnsupportedFeatureException>(() => c.Volume.CreateFile(c.Volume.RootId, "file", change));
        c.Refused<UnsupportedFeatureException>(() => c.Volume.CreateDirectory(c.Volume.RootId, "sub", change));
        c.Refused<UnsupportedFeatureException>(() => c.Volume.CreateFile(c.Volume.RootId, "file", new MemoryStream([1]), 1, change));
    });

    /// <summary>A change that asks for more than the filesystem can store; null when it can store everything.</summary>
    private static MetadataChange? Unsupported(Capabilities capabilities) =>
        !capabilities.Has(Features.Mode) ? new MetadataChange { Mode = 0x1A4 }
        : !capabilities.Has(Features.Owner) ? new MetadataChange { UserId = 7 }
        : !capabilities.Has(Features.DosAttributes) ? new MetadataChange { DosAttributes = DosAttributes.Hidden }
        : !capabilities.Has(Features.FinderInfo) ? new MetadataChange { FinderInfo = new byte[32] }
        : null;

    private static void Expect(ConformanceCase c, string path, byte[] content)
    {
        var node = c.Tree.NewNode(EntryKind.File);
        node.Write(0, content);
        c.Tree.Add(path, node);
    }

    private static void AssertFree(ConformanceCase c, long expected) =>
        Assert.InRange(c.Volume.FreeBytes, expected - c.Fixture.FreeBytesSlack, expected);

    /// <summary>Gives its bytes in odd pieces, knows no length, and can break at its end.</summary>
    private sealed class TrickleStream(byte[] bytes) : Stream
    {
        private int _position;

        public bool Breaks { get; init; }
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            if (Breaks && _position == bytes.Length)
                throw new EndOfStreamException("the content broke off");
            var n = Math.Min(Math.Min(buffer.Length, 777), bytes.Length - _position);
            bytes.AsSpan(_position, n).CopyTo(buffer);
            _position += n;
            return n;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
