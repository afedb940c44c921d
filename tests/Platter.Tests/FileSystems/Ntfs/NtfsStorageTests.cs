using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>How content is stored: compressed, sparse, with holes made afterwards; changed at will, and the same to whoever reads.</summary>
public class NtfsStorageTests
{
    [Fact]
    public void What_is_made_in_a_compressed_directory_is_compressed_and_what_was_there_stays()
    {
        var fixture = NtfsLayouts.Of(4096);
        using var volume = fixture.Create(fixture.Length);
        var directory = volume.CreateDirectory(volume.RootId, "logs", MetadataChange.None);
        var before = File(volume, directory, "before", Text(100_000));
        volume.SetMetadata(directory, new MetadataChange { Compressed = true });
        var after = File(volume, directory, "after", Text(100_000));
        var below = volume.CreateDirectory(directory, "below", MetadataChange.None);
        var deep = File(volume, below, "deep", Text(70_000));
        volume.SetMetadata(directory, new MetadataChange { Compressed = false });
        var last = File(volume, directory, "last", Text(100_000));
        volume.Commit();
        Assert.Equal((false, true, true, true, false, false), (Is(before), Is(after), Is(below), Is(deep), Is(last), Is(directory)));
        Assert.InRange(volume.GetMetadata(after).AllocatedLength!.Value, 4096, 80_000);
        Assert.Equal(102_400, volume.GetMetadata(before).AllocatedLength!.Value);
        Assert.Equal(Text(70_000), Bytes(volume, deep));
        Sound(fixture);

        bool Is(NodeId id) => (volume.GetMetadata(id).DosAttributes & DosAttributes.Compressed) != 0;
    }

    [Theory]
    [InlineData(512, 1)]
    [InlineData(4096, 2)]
    public void Content_is_packed_and_unpacked_gets_holes_and_loses_them_beside_a_model(int clusterSize, int seed)
    {
        var fixture = NtfsLayouts.Of(clusterSize);
        var random = new Random(seed);
        using (var volume = fixture.Create(24 << 20))
        {
            var (ids, models) = (new NodeId[3], new byte[3][]);
            for (var i = 0; i < ids.Length; i++)
                (ids[i], models[i]) = (File(volume, volume.RootId, $"file {i}", []), []);
            for (var step = 0; step < 400; step++)
            {
                var which = random.Next(ids.Length);
                models[which] = Step(volume, ids[which], models[which], random);
                Assert.True(models[which].AsSpan().SequenceEqual(Bytes(volume, ids[which])), $"file {which} after step {step}");
                if (step % 100 == 99)
                {
                    volume.Commit();
                    Sound(fixture);
                }
            }
            volume.Commit();
            for (var i = 0; i < ids.Length; i++)
                Assert.Equal(models[i], Bytes(volume, ids[i]));
        }
        Sound(fixture);
    }

    [Fact]
    public void A_file_with_streams_is_packed_with_all_of_them_and_unpacked_again()
    {
        var fixture = NtfsLayouts.Of(4096);
        using var volume = fixture.Create(fixture.Length);
        var file = File(volume, volume.RootId, "file", Text(300_000));
        foreach (var (name, length) in new[] { ("small", 20), ("large", 200_000) })
        {
            using var stream = volume.OpenWrite(file, StreamName.Named(name));
            stream.Write(Text(length));
        }
        var free = volume.FreeBytes;
        volume.SetMetadata(file, new MetadataChange { Compressed = true });
        volume.Commit();
        Assert.InRange(volume.FreeBytes, free + 100_000, long.MaxValue);
        Assert.All(Forms(), form => Assert.Equal(NtfsAttributeFlags.Compressed, form & NtfsAttributeFlags.CompressionMask));
        Sound(fixture);
        volume.SetMetadata(file, new MetadataChange { Compressed = false });
        volume.Commit();
        Assert.Equal(free, volume.FreeBytes);
        Assert.All(Forms(), form => Assert.Equal(NtfsAttributeFlags.None, form));
        Assert.Equal(Text(300_000), Bytes(volume, file));
        Sound(fixture);

        List<NtfsAttributeFlags> Forms()
        {
            using var read = NtfsVolume.Open(fixture.Device, VolumeOptions.Default);
            var opened = read.OpenFile(file);
            return [.. new[] { "", "small", "large" }.Select(name => opened.Open(NtfsAttributeType.Data, name)!.Flags)];
        }
    }

    [Fact]
    public void Holes_give_back_whole_clusters_and_a_file_that_is_sparse_no_more_has_all_of_them()
    {
        var fixture = NtfsLayouts.Of(4096);
        using var volume = fixture.Create(fixture.Length);
        var model = ConformanceCase.Bytes(200_000);
        var file = File(volume, volume.RootId, "file", model);
        using (var stream = volume.OpenWrite(file, StreamName.Data))
        {
            stream.PunchHole(10_000, 100_000);
            stream.PunchHole(195_000, long.MaxValue);
            stream.PunchHole(300_000, 5);
        }
        model.AsSpan(10_000, 100_000).Clear();
        model.AsSpan(195_000).Clear();
        volume.Commit();
        Assert.Equal(model, Bytes(volume, file));
        // Of 49 clusters 3 to 25 went, and the last one.
        Assert.Equal((49 - 23 - 1) * 4096, volume.GetMetadata(file).AllocatedLength);
        Assert.NotEqual(DosAttributes.None, volume.GetMetadata(file).DosAttributes & DosAttributes.Sparse);
        Sound(fixture);
        volume.SetMetadata(file, new MetadataChange { Sparse = false });
        volume.Commit();
        Assert.Equal((49L * 4096, DosAttributes.None), (volume.GetMetadata(file).AllocatedLength!.Value, volume.GetMetadata(file).DosAttributes!.Value & DosAttributes.Sparse));
        Assert.Equal(model, Bytes(volume, file));
        Sound(fixture);
    }

    [Fact]
    public void A_hole_in_a_small_or_compressed_file_is_zeros()
    {
        var fixture = NtfsLayouts.Of(4096);
        using var volume = fixture.Create(fixture.Length);
        var small = File(volume, volume.RootId, "small", [1, 2, 3, 4]);
        var packed = volume.CreateFile(volume.RootId, "packed", new MetadataChange { Compressed = true });
        var model = ConformanceCase.Bytes(400_000);
        using (var stream = volume.OpenWrite(packed, StreamName.Data))
        {
            stream.Write(model);
            stream.PunchHole(60_000, 200_000);
        }
        using (var stream = volume.OpenWrite(small, StreamName.Data))
            stream.PunchHole(1, 2);
        model.AsSpan(60_000, 200_000).Clear();
        volume.Commit();
        Assert.Equal([1, 0, 0, 4], Bytes(volume, small));
        Assert.Equal(model, Bytes(volume, packed));
        Assert.InRange(volume.GetMetadata(packed).AllocatedLength!.Value, 1, 300_000);
        Sound(fixture);
    }

    [Fact]
    public void What_has_no_room_in_another_form_keeps_the_one_that_it_has()
    {
        var fixture = NtfsLayouts.Of(4096);
        using var volume = fixture.Create(4 << 20);
        var packed = volume.CreateFile(volume.RootId, "packed", new MetadataChange { Compressed = true });
        var text = Text(1_200_000);
        using (var stream = volume.OpenWrite(packed, StreamName.Data))
        {
            for (var i = 0; i < text.Length; i += 65536)
                stream.Write(text.AsSpan(i, Math.Min(65536, text.Length - i)));
        }
        var sparse = volume.CreateFile(volume.RootId, "sparse", MetadataChange.None);
        using (var stream = volume.OpenWrite(sparse, StreamName.Data))
            stream.SetLength(1L << 40);
        File(volume, volume.RootId, "rest", ConformanceCase.Bytes((int)volume.FreeBytes - 800_000));
        volume.Commit();
        Assert.Throws<VolumeFullException>(() => volume.SetMetadata(packed, new MetadataChange { Compressed = false }));
        Assert.Throws<VolumeFullException>(() => volume.SetMetadata(sparse, new MetadataChange { Sparse = false }));
        volume.Commit();
        Assert.Equal(text, Bytes(volume, packed));
        Sound(fixture);
    }

    [Fact]
    public void What_cannot_be_compressed_or_sparse_is_refused()
    {
        var large = NtfsLayouts.Of(65536);
        using (var volume = large.Create(large.Length))
        {
            var file = File(volume, volume.RootId, "file", [1]);
            Assert.Throws<UnsupportedFeatureException>(() => volume.SetMetadata(file, new MetadataChange { Compressed = true }));
            Assert.Equal(DosAttributes.Sparse, volume.Capabilities.StorageAttributes);
        }
        var fixture = NtfsLayouts.Of(4096);
        using var other = fixture.Create(fixture.Length);
        var link = other.CreateSymbolicLink(other.RootId, "link", "nowhere", MetadataChange.None);
        Assert.Throws<UnsupportedFeatureException>(() => other.SetMetadata(link, new MetadataChange { Compressed = true }));
        Assert.Throws<UnsupportedFeatureException>(() => other.SetMetadata(other.CreateDirectory(other.RootId, "d", MetadataChange.None), new MetadataChange { Sparse = true }));
        other.Commit();
        Sound(fixture);
    }

    private static byte[] Step(EditableVolume volume, NodeId id, byte[] model, Random random)
    {
        var kind = random.Next(10);
        if (kind < 2)
        {
            volume.SetMetadata(id, random.Next(2) == 0 ? new MetadataChange { Compressed = random.Next(2) == 0 } : new MetadataChange { Sparse = random.Next(2) == 0 });
            return model;
        }
        using var stream = volume.OpenWrite(id, StreamName.Data);
        if (kind == 2)
        {
            Array.Resize(ref model, random.Next(3) == 0 ? random.Next(3000) : random.Next(400_000));
            stream.SetLength(model.Length);
            return model;
        }
        var offset = random.Next(model.Length + 1 + (random.Next(3) == 0 ? 150_000 : 0));
        if (kind == 3)
        {
            var length = random.Next(200_000);
            stream.PunchHole(offset, length);
            if (offset < model.Length)
                model.AsSpan(offset, Math.Min(length, model.Length - offset)).Clear();
            return model;
        }
        // Around the lengths of a unit, too: 64 KiB, or 8 KiB.
        var count = random.Next(4) switch { 0 => random.Next(1, 300), 1 => 65_536 + random.Next(-2, 3), 2 => 8192 * random.Next(1, 4) + random.Next(-1, 2), _ => random.Next(1, 120_000) };
        var data = random.Next(3) switch { 0 => ConformanceCase.Bytes(count, random.Next()), 1 => new byte[count], _ => Text(count) };
        if (model.Length < offset + count)
            Array.Resize(ref model, offset + count);
        data.CopyTo(model, offset);
        stream.WriteAt(offset, data);
        return model;
    }

    private static NodeId File(EditableVolume volume, NodeId parent, string name, byte[] content) =>
        volume.CreateFile(parent, name, new MemoryStream(content), content.Length, MetadataChange.None);

    private static byte[] Text(int length) => [.. string.Concat(Enumerable.Range(0, length / 2 + 1).Select(i => $"{i * 7}\n")).Take(length).Select(c => (byte)c)];

    private static byte[] Bytes(Volume volume, NodeId id)
    {
        using var stream = volume.OpenRead(id, StreamName.Data);
        var bytes = new byte[stream.Length];
        stream.ReadAt(0, bytes);
        return bytes;
    }

    private static void Sound(NtfsFixture fixture)
    {
        Assert.Empty(fixture.Check()!.Findings);
        Assert.Null(fixture.Judge());
    }
}
