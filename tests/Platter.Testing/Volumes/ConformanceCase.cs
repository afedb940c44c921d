using System.Runtime.InteropServices;
using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

/// <summary>One case under way: every edit goes to the volume and to a model of it; at the end both must agree, before and after
/// reopening, and the type's own checker and the foreign one must be content.</summary>
public sealed class ConformanceCase : IDisposable
{
    public ConformanceCase(VolumeFixture fixture, long length)
    {
        Fixture = fixture;
        Volume = fixture.Create(length);
        Capabilities = Volume.Capabilities;
        Tree = new ModelTree(fixture.NameComparer(Capabilities));
        ClusterSize = Volume.Info.BlockSize;
    }

    public VolumeFixture Fixture { get; }

    /// <summary>The volume as it is open now; another one after each <see cref="Reopen"/>.</summary>
    public EditableVolume Volume { get; private set; }

    public ModelTree Tree { get; private set; }
    public Capabilities Capabilities { get; }

    /// <summary>Bytes in a cluster or block.</summary>
    public int ClusterSize { get; }

    public bool Has(Features feature) => Capabilities.Has(feature);

    public NodeId Id(string path) => Volume.Find(path).Id;

    public NodeId File(string path, byte[]? content = null, MetadataChange? metadata = null)
    {
        metadata ??= MetadataChange.None;
        var (parent, name) = Split(path);
        var id = content is null
            ? Volume.CreateFile(parent, name, metadata)
            : Volume.CreateFile(parent, name, new MemoryStream(content), content.Length, metadata);
        var node = Add(path, EntryKind.File, metadata);
        if (content is not null)
            node.Write(0, content);
        return id;
    }

    public NodeId Directory(string path, MetadataChange? metadata = null)
    {
        var (parent, name) = Split(path);
        var id = Volume.CreateDirectory(parent, name, metadata ?? MetadataChange.None);
        Add(path, EntryKind.Directory, metadata ?? MetadataChange.None);
        return id;
    }

    public NodeId SymbolicLink(string path, string target)
    {
        var (parent, name) = Split(path);
        var id = Volume.CreateSymbolicLink(parent, name, target, MetadataChange.None);
        var node = Add(path, EntryKind.SymbolicLink, MetadataChange.None);
        node.Metadata = node.Metadata with { Target = target };
        return id;
    }

    public NodeId Special(string path, EntryKind kind, DeviceNumber device)
    {
        var (parent, name) = Split(path);
        var id = Volume.CreateSpecial(parent, name, kind, device, MetadataChange.None);
        var node = Add(path, kind, MetadataChange.None);
        node.Metadata = node.Metadata with { Device = kind is EntryKind.CharacterDevice or EntryKind.BlockDevice ? device : null };
        return id;
    }

    public void HardLink(string path, string newPath)
    {
        var (parent, name) = Split(newPath);
        Volume.CreateHardLink(Id(path), parent, name);
        Tree.Add(Stored(newPath), Tree.Find(path));
    }

    public void Write(string path, long offset, byte[] data)
    {
        using (var stream = Volume.OpenWrite(Id(path), StreamName.Data))
            stream.WriteAt(offset, data);
        var node = Tree.Find(path);
        node.Write(offset, data);
        Wrote(node);
    }

    public void SetLength(string path, long length)
    {
        using (var stream = Volume.OpenWrite(Id(path), StreamName.Data))
            stream.SetLength(length);
        var node = Tree.Find(path);
        var same = node.Length == length;
        node.SetLength(length);
        Wrote(node);
        // Whether setting the length it has already counts as writing differs.
        if (same)
            node.Metadata = node.Metadata with { Modified = null };
    }

    public void WriteStream(string path, StreamName name, byte[] data)
    {
        using (var stream = Volume.OpenWrite(Id(path), name))
        {
            stream.SetLength(0);
            stream.WriteAt(0, data);
        }
        var node = Tree.Find(path);
        node.Streams[name] = data;
        Wrote(node);
    }

    public void Rename(string path, string newPath, bool replace = false)
    {
        var (parent, name) = Split(path);
        var (newParent, newName) = Split(newPath);
        Volume.Rename(parent, name, newParent, newName, replace);
        var node = Tree.Remove(path);
        if (Tree.Find(ModelTree.ParentOf(newPath)).Children!.ContainsKey(ModelTree.NameOf(newPath)))
            Tree.Remove(newPath);
        Tree.Add(Stored(newPath), node);
    }

    public void Delete(string path)
    {
        var (parent, name) = Split(path);
        Volume.Delete(parent, name);
        Tree.Remove(path);
    }

    public void DeleteRecursively(string path)
    {
        var (parent, name) = Split(path);
        Volume.DeleteRecursively(parent, name);
        Tree.Remove(path);
    }

    public void Set(string path, MetadataChange change)
    {
        Volume.SetMetadata(Id(path), change);
        var node = Tree.Find(path);
        node.Metadata = Expect(node.Metadata, change);
    }

    /// <summary>An edit that must fail, with exactly this exception, and leave no trace.</summary>
    public T Refused<T>(Action edit) where T : Exception
    {
        var exception = Assert.Throws<T>(edit);
        CompareLive("after a refusal");
        return exception;
    }

    public void Commit()
    {
        Volume.Commit();
        Assert.Equal(0, Volume.UncommittedBytes);
    }

    /// <summary>Commits, closes, opens again, and compares.</summary>
    public void Reopen()
    {
        Commit();
        var free = Volume.FreeBytes;
        Volume.Dispose();
        Volume = Fixture.Reopen();
        CompareLive("after reopening");
        Assert.Equal(free, Volume.FreeBytes);
    }

    /// <summary>Drops the edits since the last commit; the model goes back to what it was then.</summary>
    public void Rollback(ModelTree committed)
    {
        Volume.Rollback();
        Tree = committed.Clone();
    }

    /// <summary>Closes without committing, opens again, and compares: the model must not have followed the edits since the last commit.</summary>
    public void CloseWithoutCommit()
    {
        Volume.Dispose();
        Volume = Fixture.Reopen();
        CompareLive("after closing without a commit");
    }

    /// <summary>The tree as it can be seen now against the model.</summary>
    public void CompareLive(string when) => Tree.Snapshot().AssertSame(TreeSnapshot.Read(Volume), when);

    /// <summary>What every case ends with.</summary>
    public void Finish()
    {
        CompareLive("before the commit");
        Reopen();
        Judge();
    }

    /// <summary>The type's own checker, and the foreign one, over what was committed.</summary>
    public void Judge()
    {
        if (Fixture.Check() is { } report)
            Assert.True(report.IsClean, "the checker found:\n" + string.Join('\n', report.Findings.Take(20)));
        if (Fixture.Judge() is { } complaint)
            Assert.Fail("the foreign checker found:\n" + complaint);
    }

    public void Dispose()
    {
        Volume.Dispose();
        Fixture.Dispose();
    }

    /// <summary>Bytes that differ from each other and from zero: a piece at the wrong place shows.</summary>
    public static byte[] Bytes(long length, int seed = 1)
    {
        // Xorshift by words: the framework's generator with a seed goes byte by byte, and cases on large clusters ask for gigabytes.
        var bytes = new byte[length];
        var state = ((ulong)(uint)seed * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03) | 1;
        var words = MemoryMarshal.Cast<byte, ulong>(bytes.AsSpan());
        for (var i = 0; i < words.Length; i++)
            words[i] = Next() | 0x0101010101010101;
        var last = Next() | 0x0101010101010101;
        MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in last))[..(bytes.Length & 7)].CopyTo(bytes.AsSpan(words.Length * 8));
        return bytes;

        ulong Next()
        {
            state ^= state << 13;
            state ^= state >> 7;
            return state ^= state << 17;
        }
    }

    private (NodeId Parent, string Name) Split(string path) => (Id(ModelTree.ParentOf(path)), ModelTree.NameOf(path));

    private string Stored(string path) => $"{ModelTree.ParentOf(path)}/{Fixture.StoredName(ModelTree.NameOf(path))}";

    private ModelNode Add(string path, EntryKind kind, MetadataChange metadata)
    {
        var node = Tree.NewNode(kind);
        node.Metadata = Expect(node.Metadata with
        {
            Created = Capabilities.Created?.Round(Fixture.Clock.Timestamp),
            Modified = Capabilities.Modified?.Round(Fixture.Clock.Timestamp),
        }, metadata);
        Tree.Add(Stored(path), node);
        return node;
    }

    // Writing stamps the modification time; what it does to the access time and the archive bit differs.
    private void Wrote(ModelNode node) => node.Metadata = node.Metadata with
    {
        Modified = Capabilities.Modified?.Round(Fixture.Clock.Timestamp), Accessed = null, Attributes = null,
    };

    private SnapshotEntry Expect(SnapshotEntry entry, MetadataChange change) => entry with
    {
        Created = change.Created is { } created ? Capabilities.Created!.Value.Round(created) : entry.Created,
        Modified = change.Modified is { } modified ? Capabilities.Modified!.Value.Round(modified) : entry.Modified,
        Accessed = change.Accessed is { } accessed ? Capabilities.Accessed!.Value.Round(accessed) : entry.Accessed,
        Attributes = change.DosAttributes & Capabilities.SettableAttributes ?? entry.Attributes,
        Mode = change.Mode ?? entry.Mode,
        UserId = change.UserId ?? entry.UserId,
        GroupId = change.GroupId ?? entry.GroupId,
        FinderInfo = TreeSnapshot.Hex(change.FinderInfo) ?? entry.FinderInfo,
        SecurityDescriptor = TreeSnapshot.Hex(change.SecurityDescriptor) ?? entry.SecurityDescriptor,
    };
}
