using Platter.FileSystems;
using Platter.FileSystems.ExFat;
using Platter.Images;
using Platter.Testing;
using Platter.Testing.ExFat;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.ExFat;

/// <summary>One volume of the matrix and what everybody saw on it.</summary>
internal sealed class ExFatMatrixVolume(int sectorSize, int clusterSize, string path)
{
    public int ClusterSize => clusterSize;
    public string Path => path;

    /// <summary>What went wrong; empty when nothing did.</summary>
    public List<string> Failures { get; } = [];

    /// <summary>The tree when Platter closed the volume.</summary>
    public TreeSnapshot? Tree { get; set; }

    public override string ToString() => $"sectors of {sectorSize}, clusters of {clusterSize}";
}

/// <summary>Volumes by <c>mkfs.exfat</c> with every sector and cluster size there is: filled by Platter, judged, opened and edited by Platter again.
/// Made once; the tests look at the outcome.</summary>
public sealed class ExFatMkfsMatrix : IDisposable
{
    private readonly TempFolder _folder = new();

    public ExFatMkfsMatrix()
    {
        for (var sectorSize = 512; sectorSize <= 4096; sectorSize *= 2)
        {
            for (var clusterSize = sectorSize; clusterSize <= 32 << 20; clusterSize *= 2)
            {
                var path = _folder.File($"{Volumes.Count:D3}.img");

                // Some hundreds of clusters: the images are sparse.
                var length = Math.Max(6L << 20, 300L * clusterSize);
                MkfsExFat.Make(path, $"-c {clusterSize} -L MATRIX", length, sectorSize);
                Volumes.Add(new ExFatMatrixVolume(sectorSize, clusterSize, path));
            }
        }
        foreach (var volume in Volumes)
            Guarded(volume, "Platter fills", () => FillByPlatter(volume));
        foreach (var volume in Volumes)
            Guarded(volume, "Platter edits", () => EditByPlatter(volume));
    }

    internal List<ExFatMatrixVolume> Volumes { get; } = [];

    public void Dispose() => _folder.Dispose();

    /// <summary>Looks at every volume and fails with a list of those that something is wrong with.</summary>
    internal void ForEach(Action<ExFatMatrixVolume> look)
    {
        var failures = new List<string>();
        foreach (var volume in Volumes)
        {
            if (volume.Failures.Count > 0)
            {
                failures.Add($"[{volume}] {volume.Failures[0]}");
                continue;
            }
            try
            {
                look(volume);
            }
            catch (Exception e)
            {
                failures.Add($"[{volume}] {e.Message}");
            }
        }
        Assert.True(failures.Count == 0, $"{failures.Count} of {Volumes.Count} volumes\n{string.Join("\n\n", failures.Take(6))}");
    }

    private static void FillByPlatter(ExFatMatrixVolume matrix)
    {
        using var image = ImageFile.Open(matrix.Path, ImageAccess.Edit, new ImageOptions { AsRaw = true });
        using var volume = ExFatVolume.OpenForEditing(image.Device, new VolumeOptions { Clock = new SettableClock() });
        var root = volume.RootId;
        var own = volume.CreateDirectory(root, "P", MetadataChange.None);
        for (var i = 0; i < 25; i++)
            Put(volume, own, $"Entry {i} – ein längerer Name 🎻.dat", ConformanceCase.Bytes(i * 197, i));
        Put(volume, root, "grown", ConformanceCase.Bytes(3000, 1));
        Put(volume, root, "between", ConformanceCase.Bytes(10, 2));
        Write(volume, "/grown", 3000, ConformanceCase.Bytes(9000, 3));      // cannot stay in one piece with small clusters
        volume.CreateDirectory(volume.CreateDirectory(own, "sub", MetadataChange.None), "empty", MetadataChange.None);
        volume.Commit();
    }

    private static void EditByPlatter(ExFatMatrixVolume matrix)
    {
        if (MkfsExFat.Complaint(matrix.Path) is { } complaint)
            matrix.Failures.Add("before Platter edited it again: " + complaint);
        using var image = ImageFile.Open(matrix.Path, ImageAccess.Edit, new ImageOptions { AsRaw = true });
        using var volume = ExFatVolume.OpenForEditing(image.Device, new VolumeOptions { Clock = new SettableClock() });
        var before = TreeSnapshot.Read(volume);
        var root = volume.RootId;
        var own = volume.CreateDirectory(root, "Platter again", MetadataChange.None);

        // A piece off every third file, some bytes onto the others, and one of each five goes.
        var number = 0;
        foreach (var (path, entry) in before.Entries.Where(e => e.Value.Kind == EntryKind.File && !e.Value.Attributes!.Value.HasFlag(DosAttributes.ReadOnly)).Take(60).ToList())
        {
            number++;
            var slash = path.LastIndexOf('/');
            var parent = slash == 0 ? root : volume.Find(path[..slash]).Id;
            if (number % 5 == 0)
                volume.Delete(parent, path[(slash + 1)..]);
            else if (number % 3 == 0)
                SetLength(volume, path, entry.Length!.Value / 2);
            else if (number % 3 == 1)
                Write(volume, path, entry.Length!.Value, ConformanceCase.Bytes(1500, number));
            else
                volume.Rename(parent, path[(slash + 1)..], own, $"moved {number} {path[(slash + 1)..][..1]}.x", replace: false);
        }
        for (var i = 0; i < 30; i++)
            Put(volume, own, $"again {i}", ConformanceCase.Bytes(i * 301, i));
        volume.SetMetadata(own, new MetadataChange { Modified = new Timestamp(1_700_000_000), Created = new Timestamp(1_600_000_001), DosAttributes = DosAttributes.Hidden });
        volume.SetLabel("Plätter");
        volume.Commit();
        matrix.Tree = TreeSnapshot.Read(volume);
    }

    private static void Put(ExFatVolume volume, NodeId parent, string name, byte[] content) =>
        volume.CreateFile(parent, name, new MemoryStream(content), content.Length, MetadataChange.None);

    private static void Write(ExFatVolume volume, string path, long offset, byte[] data)
    {
        using var stream = volume.OpenWrite(volume.Find(path).Id, StreamName.Data);
        stream.WriteAt(offset, data);
    }

    private static void SetLength(ExFatVolume volume, string path, long length)
    {
        using var stream = volume.OpenWrite(volume.Find(path).Id, StreamName.Data);
        stream.SetLength(length);
    }

    private static void Guarded(ExFatMatrixVolume volume, string who, Action action)
    {
        try
        {
            if (volume.Failures.Count == 0)
                action();
        }
        catch (Exception e)
        {
            volume.Failures.Add($"{who}: {e.Message}");
        }
    }
}
