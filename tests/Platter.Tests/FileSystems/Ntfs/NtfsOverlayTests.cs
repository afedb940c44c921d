using System.Buffers.Binary;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Files that the overlay filter compressed (<c>compact /exe</c>): changing them unpacks them first, as on Windows.</summary>
public class NtfsOverlayTests
{
    private const int ChunkSize = 4096;

    private readonly NtfsFixture _fixture = NtfsLayouts.Of(4096);
    private readonly byte[] _content = ConformanceCase.Bytes(50_000);

    [Theory]
    [InlineData("write")]
    [InlineData("append")]
    [InlineData("cut")]
    [InlineData("empty")]
    [InlineData("punch")]
    public void What_is_changed_becomes_a_file_like_any_other(string how)
    {
        using var volume = _fixture.Create(_fixture.Length);
        var id = Packed(volume, _content);
        var expected = _content.ToArray();
        using (var stream = volume.OpenWrite(id, StreamName.Data))
        {
            switch (how)
            {
                case "write":
                    stream.WriteAt(10_000, [1, 2, 3]);
                    (expected[10_000], expected[10_001], expected[10_002]) = (1, 2, 3);
                    break;
                case "append":
                    stream.WriteAt(60_000, [7]);
                    Array.Resize(ref expected, 60_001);
                    expected[60_000] = 7;
                    break;
                case "cut":
                    stream.SetLength(12_345);
                    Array.Resize(ref expected, 12_345);
                    break;
                case "empty":
                    stream.SetLength(0);
                    expected = [];
                    break;
                default:
                    stream.PunchHole(4096, 8192);
                    expected.AsSpan(4096, 8192).Clear();
                    break;
            }
        }
        volume.Commit();
        var metadata = volume.GetMetadata(id);
        Assert.Equal((EntryKind.File, (uint?)null, (long)expected.Length), (metadata.Kind, metadata.ReparseTag, metadata.Length));
        Assert.Equal(DosAttributes.None, metadata.DosAttributes!.Value & DosAttributes.ReparsePoint);
        using (var stream = volume.OpenRead(id, StreamName.Data))
        {
            var bytes = new byte[stream.Length];
            stream.ReadAt(0, bytes);
            Assert.Equal(expected, bytes);
        }
        Assert.Throws<FileNotFoundException>(() => volume.OpenRead(id, StreamName.Named("WofCompressedData")));
        Assert.Empty(_fixture.Check()!.Findings);
        Assert.Null(_fixture.Judge());
    }

    [Fact]
    public void Without_room_for_the_content_the_file_stays_as_it_is()
    {
        using var volume = _fixture.Create(_fixture.SmallLength);
        var id = Packed(volume, _content);
        volume.CreateFile(volume.RootId, "rest", new MemoryStream(ConformanceCase.Bytes((int)volume.FreeBytes - 20_000)), null, MetadataChange.None);
        volume.Commit();
        using (var stream = volume.OpenWrite(id, StreamName.Data))
            Assert.Throws<VolumeFullException>(() => stream.WriteAt(0, [1]));
        volume.Commit();
        Assert.Equal(0x80000017U, volume.GetMetadata(id).ReparseTag);
        using (var stream = volume.OpenRead(id, StreamName.Data))
        {
            var bytes = new byte[stream.Length];
            stream.ReadAt(0, bytes);
            Assert.Equal(_content, bytes);
        }
        Assert.Empty(_fixture.Check()!.Findings);
    }

    // Chunks that did not get shorter are stored as they are: a table of their ends, then the bytes.
    internal static NodeId Packed(EditableVolume volume, byte[] content)
    {
        var id = volume.CreateFile(volume.RootId, "program.exe", MetadataChange.None);
        var chunks = (content.Length + ChunkSize - 1) / ChunkSize;
        var table = new byte[4 * (chunks - 1)];
        for (var i = 1; i < chunks; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(4 * (i - 1)), (uint)(i * ChunkSize));
        using (var stream = volume.OpenWrite(id, StreamName.Named("WofCompressedData")))
        {
            stream.Write(table);
            stream.Write(content);
        }
        using (var stream = volume.OpenWrite(id, StreamName.Data))
        {
            stream.SetLength(content.Length);
            stream.PunchHole(0, content.Length);
        }
        var reparse = new byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(reparse, 0x80000017);
        BinaryPrimitives.WriteUInt16LittleEndian(reparse.AsSpan(4), 16);
        BinaryPrimitives.WriteUInt32LittleEndian(reparse.AsSpan(8), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(reparse.AsSpan(12), 2);
        BinaryPrimitives.WriteUInt32LittleEndian(reparse.AsSpan(16), 1);
        volume.SetExtendedAttribute(id, "user.ntfs.reparse", reparse);
        volume.Commit();
        return id;
    }
}
