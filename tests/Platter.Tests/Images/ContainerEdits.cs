using Platter.Blocks;
using Platter.FileSystems;
using Platter.Images;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>What is done to a volume inside a container while the power is cut, and what is looked at afterwards.</summary>
internal static class ContainerEdits
{
    internal static readonly (string Name, Action<EditableVolume> Edit)[] All =
    [
        ("a file into new blocks", v => v.CreateFile(v.RootId, "A new file.bin", new MemoryStream(ConformanceCase.Bytes(90_000)), 90_000, MetadataChange.None)),
        ("two commits", v =>
        {
            v.CreateFile(v.RootId, "one", new MemoryStream(ConformanceCase.Bytes(70_000, 2)), null, MetadataChange.None);
            v.Commit();
            v.CreateFile(v.RootId, "two", new MemoryStream(ConformanceCase.Bytes(200_000, 3)), null, MetadataChange.None);
        }),
        ("remove, and put something else", v =>
        {
            v.Delete(v.RootId, "old.bin");
            v.CreateFile(v.RootId, "new.bin", new MemoryStream(ConformanceCase.Bytes(150_000, 4)), null, MetadataChange.None);
        }),
        ("roll back and edit again", v =>
        {
            v.CreateFile(v.RootId, "dropped", new MemoryStream(ConformanceCase.Bytes(100_000, 5)), null, MetadataChange.None);
            v.Rollback();
            v.CreateFile(v.RootId, "kept", new MemoryStream(ConformanceCase.Bytes(100_000, 6)), null, MetadataChange.None);
        }),
    ];

    /// <summary>A volume with one file, as it is before an edit.</summary>
    internal static void Fill(BlockDevice disk, string type)
    {
        FileSystemTypes.Find(type)!.Format(disk, new FormatOptions { Type = type, Options = new Dictionary<string, string> { ["cluster_size"] = "1K" } });
        disk.Flush();
        using var volume = FileSystemTypes.Find(type)!.OpenForEditing(disk, VolumeOptions.Default);
        volume.CreateFile(volume.RootId, "old.bin", new MemoryStream(ConformanceCase.Bytes(120_000, 9)), null, MetadataChange.None);
        volume.Commit();
    }

    /// <summary>The files of the volume, by their content; fails where anything is wrong with the volume or the container.</summary>
    internal static string Outline(Container container, string type)
    {
        var report = new CheckReport();
        container.Check(report);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
        return VolumeOutline.Of(container.Disk, FileSystemTypes.Find(type)!);
    }
}
