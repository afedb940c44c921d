using Platter.FileSystems;
using Platter.Testing.Volumes;

namespace Platter.Testing.Ext;

/// <summary>A little of everything that can be done to a volume, and to what <c>MatrixVolumes</c> put there, when it is there.</summary>
public static class ExtEditScript
{
    public static void Run(EditableVolume volume)
    {
        var root = volume.RootId;
        volume.CreateDirectory(root, "moved", MetadataChange.None);
        Content(volume);
        Names(volume);
        Nodes(volume);
        Existing(volume);
        volume.SetLabel("edited");
    }

    private static void Content(EditableVolume volume)
    {
        var root = volume.RootId;
        volume.CreateFile(root, "new file", new MemoryStream(ConformanceCase.Bytes(300_000)), 300_000, new MetadataChange { Mode = 0x1A0, UserId = 1000, GroupId = 70_000, Modified = new Timestamp(-5, 7) });
        volume.CreateFile(root, "small", new MemoryStream(ConformanceCase.Bytes(100)), null, MetadataChange.None);
        volume.CreateFile(root, "empty file", MetadataChange.None);
        using (var stream = volume.OpenWrite(volume.Find("/new file").Id, StreamName.Data))
        {
            stream.WriteAt(70_001, ConformanceCase.Bytes(5000, 2));
            stream.SetLength(250_123);
            stream.WriteAt(2_000_000, ConformanceCase.Bytes(40_000, 3));
        }
        using (var stream = volume.OpenWrite(volume.CreateFile(root, "pieces", MetadataChange.None), StreamName.Data))
        {
            // Holes between them: a map of many entries; fewer where a cluster of large blocks is a MiB.
            var count = volume.Info.BlockSize <= 4096 ? 500 : 6;
            for (var i = 0; i < count; i++)
                stream.WriteAt(i * 3L * volume.Info.BlockSize, ConformanceCase.Bytes(10, i));
            stream.SetLength(count * 4 / 5 * 3L * volume.Info.BlockSize);
        }
    }

    private static void Names(EditableVolume volume)
    {
        var root = volume.RootId;
        var names = volume.CreateDirectory(root, "names", MetadataChange.None);
        for (var i = 0; i < 400; i++)
            volume.CreateFile(names, $"one of several hundred names {i}", MetadataChange.None);
        for (var i = 0; i < 400; i += 3)
            volume.Delete(names, $"one of several hundred names {i}");
        for (var i = 0; i < 60; i++)
            volume.CreateFile(names, $"a later one {i}", MetadataChange.None);
        var few = volume.CreateDirectory(root, "a few", MetadataChange.None);
        for (var i = 0; i < 5; i++)
            volume.CreateDirectory(few, $"directory {i}", MetadataChange.None);
        volume.Rename(few, "directory 3", volume.Find("/moved").Id, "from a few", replace: false);
        volume.Delete(few, "directory 1");
        volume.CreateFile(few, new string('n', 255), MetadataChange.None);
    }

    private static void Nodes(EditableVolume volume)
    {
        var root = volume.RootId;
        var file = volume.Find("/small").Id;
        volume.CreateHardLink(file, volume.Find("/names").Id, "hard");
        volume.CreateSymbolicLink(root, "link 10", new string('a', 10), MetadataChange.None);
        volume.CreateSymbolicLink(root, "link 59", new string('b', 59), MetadataChange.None);
        volume.CreateSymbolicLink(root, "link 60", new string('c', 60), MetadataChange.None);
        volume.CreateSymbolicLink(root, "link 700", new string('d', 700), MetadataChange.None);
        volume.CreateSpecial(root, "a device", EntryKind.BlockDevice, new DeviceNumber(259, 70_000), MetadataChange.None);
        volume.CreateSpecial(root, "a pipe", EntryKind.Fifo, default, MetadataChange.None);
        volume.SetExtendedAttribute(file, "user.one", [1]);
        volume.SetExtendedAttribute(file, "user.two", ConformanceCase.Bytes(300));
        volume.SetExtendedAttribute(file, "user.one", ConformanceCase.Bytes(200));
        volume.SetExtendedAttribute(file, "security.capability", [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        volume.SetExtendedAttribute(volume.Find("/names").Id, "user.of a directory", ConformanceCase.Bytes(50));
        volume.SetMetadata(volume.Find("/names").Id, new MetadataChange { Mode = 0x5ED, Modified = new Timestamp(1_000_000_000, 5) });
    }

    // What is there from before: directories with trees, maps of all kinds, attributes in blocks and inodes of their own.
    private static void Existing(EditableVolume volume)
    {
        var root = volume.RootId;
        if (!volume.TryFind("/many/a-name-of-some-length-1", out _))
            return;
        var many = volume.Find("/many").Id;
        for (var i = 0; i < 700; i += 2)
            volume.Delete(many, $"a-name-of-some-length-{i}");
        for (var i = 0; i < 200; i++)
            volume.CreateFile(many, $"a name that is longer than those that were here before {i}", MetadataChange.None);
        volume.Rename(root, "nested", volume.Find("/moved").Id, "nested", replace: false);
        volume.Rename(root, "hundred", volume.Find("/few").Id, "3", replace: true);
        volume.DeleteRecursively(volume.Find("/moved/nested/a").Id, "b");
        volume.Delete(root, "zero");
        volume.Delete(root, "link400");
        volume.Delete(root, "char");
        using (var numbers = volume.OpenWrite(volume.Find("/numbers").Id, StreamName.Data))
        {
            numbers.WriteAt(50_000, ConformanceCase.Bytes(30_000, 5));
            numbers.WriteAt(numbers.Length, ConformanceCase.Bytes(100_000, 6));
            numbers.SetLength(200_000);
        }
        using (var sparse = volume.OpenWrite(volume.Find("/sparse").Id, StreamName.Data))
        {
            sparse.WriteAt(1_000_000, ConformanceCase.Bytes(100_000, 7));
            sparse.SetLength(1_050_001);
        }
        using (var lines = volume.OpenWrite(volume.Find("/lines").Id, StreamName.Data))
        {
            // Where blocks are allocated and read as zeros.
            lines.WriteAt(lines.Length + volume.Info.BlockSize + 3, ConformanceCase.Bytes(volume.Info.BlockSize, 8));
        }
        using (var tiny = volume.OpenWrite(volume.Find("/tiny").Id, StreamName.Data))
            tiny.WriteAt(3, ConformanceCase.Bytes(500, 9));
        using (var three = volume.OpenWrite(volume.Find("/few/5").Id, StreamName.Data))
            three.WriteAt(1, ConformanceCase.Bytes(20, 10));
        volume.SetExtendedAttribute(volume.Find("/tiny").Id, "user.small", null);
        volume.SetExtendedAttribute(volume.Find("/numbers").Id, "user.long", null);
        volume.SetExtendedAttribute(volume.Find("/lines").Id, "user.own-inode", null);
        volume.SetExtendedAttribute(volume.Find("/short").Id, "trusted.link", ConformanceCase.Bytes(40, 11));
        volume.SetMetadata(volume.Find("/few").Id, new MetadataChange { UserId = 7, GroupId = 4_000_000_000, Accessed = new Timestamp(4_000_000_000, 9) });
    }
}
